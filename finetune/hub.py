"""Whether the Hugging Face hub can be reached: asked once and quickly, as its clients take half a minute to give up."""

from __future__ import annotations

from functools import cache

from httpx2 import HTTPError, InvalidURL
from huggingface_hub import constants, get_session

from finetune.errors import InputError

SECONDS_TO_ANSWER = 5.0

constants.HF_HUB_DISABLE_TELEMETRY = True  # requests say nothing of the user


@cache
def check_hub_reachable() -> None:
    """Asks the hub for one answer, once a process; asks nothing where HF_HUB_OFFLINE is set.

    Raises:
        InputError: the hub does not answer, or answers that it is out of order.
    """
    if constants.HF_HUB_OFFLINE:
        return
    try:
        answer = get_session().head(constants.ENDPOINT, timeout=SECONDS_TO_ANSWER)
        fault = f"answers {answer.status_code}" if answer.is_server_error else None
    except (HTTPError, InvalidURL) as error:
        fault = f"does not answer ({error or type(error).__name__})"
    if fault:
        raise InputError(
            f"the hub at {constants.ENDPOINT} {fault}: set HF_HUB_OFFLINE=1 to use what the cache holds, "
            "or use what you have on disk: data=files data.root=DIR, model.name=DIR"
        )
