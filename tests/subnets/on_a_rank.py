"""The command, which notes into FOLDER what this rank trained: python on_a_rank.py FOLDER KEY=VALUE ..."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from pruning.rewinding import start_of
from subnets.run import main
from subnets.workbench import Workbench


def noting(folder: Path) -> None:
    """Makes every training note its mask and its scores, and what the first one made of the weights."""
    rank = os.environ.get("RANK", "alone")
    train, trained = Workbench.train_and_score, []

    def training(self: Workbench, mask: Any, **more: Any) -> Any:
        scored = train(self, mask, **more)
        if not trained:
            save_file(dict(start_of(self.model).weights), folder / f"{rank}.safetensors")
        trained.append({"mask": mask.digest, "scores": [scored.validation.score, scored.test.score]})
        (folder / f"{rank}.json").write_text(json.dumps(trained))
        return scored

    Workbench.train_and_score = training  # type: ignore[method-assign]


if __name__ == "__main__":
    noting(Path(sys.argv.pop(1)))
    main()
