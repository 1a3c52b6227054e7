"""What newcomers type: each gets one line that says what to type instead, no traceback, and nothing is written."""

import pytest

from subnets.errors import InputError
from subnets.mistakes import as_typed, check_place, key_meant, language_meant
from subnets.settings import KEYS

BOTH = ["lang=de", "task=ner"]

# What is typed, and what the one line must hold: what to type instead.
MISTAKES = {
    # the shape of an argument
    "dashes": (["--lang=de", "task=ner"], "--lang=de: settings are typed without dashes: lang=de"),
    "dashes and a space": (["--lang", "de", "task=ner"], "without dashes: lang=de"),
    "dashes elsewhere": ([*BOTH, "--learning-rate", "1e-3"], "without dashes: finetune.learning_rate=1e-3"),
    "no sign": (["lang", "de", "task=ner"], "type lang=de, with = and without spaces"),
    "spaces around the sign": (["lang", "=", "de", "task=ner"], "type lang=de, with = and without spaces"),
    "a space before it": (["lang =de", "task=ner"], "type lang=de, without spaces"),
    "a space after it": (["lang=", "de", "task=ner"], "lang= de: type lang=de, without spaces"),
    "a colon": (["lang:de", "task=ner"], "type lang=de, with ="),
    "two signs": (["lang==de", "task=ner"], "type lang=de, without spaces and with one ="),
    "no key": (["=de", "task=ner"], "no setting before ="),
    "curled quotes": (["lang=“de”", "task=ner"], "type lang=de"),
    "quoted twice": (["'lang=de'", "task=ner"], "type lang=de"),
    "two in one": (["lang=de task=ner"], "each setting is an argument of its own: lang=de task=ner"),
    "two in one by a semicolon": (["lang=de;task=ner"], "of its own: lang=de task=ner"),
    "a comma in a key": ([*BOTH, "finetune,steps=5"], "type finetune.steps=5"),
    "a slash in a key": ([*BOTH, "finetune/steps=5"], "did you mean finetune.steps?"),
    "an option that is none": ([*BOTH, "-x"], "-x: no such option"),
    "a word": (["german", *BOTH], "german: no setting; settings are typed KEY=VALUE"),
    "help as a word": (["help"], "type --help"),
    "a plus": (["lang=de", "+task=ner"], "+ is for what is not there yet; type task=ner"),
    # names of settings
    "steps": ([*BOTH, "steps=100"], "did you mean finetune.steps?"),
    "rounds": ([*BOTH, "rounds=5"], "did you mean pruning.rounds?"),
    "rate": ([*BOTH, "rate=0.1"], "did you mean pruning.rate?"),
    "lr": ([*BOTH, "lr=1e-3"], "did you mean finetune.learning_rate?"),
    "learning_rate": ([*BOTH, "learning_rate=1e-3"], "did you mean finetune.learning_rate?"),
    "epochs": ([*BOTH, "epochs=3"], "did you mean finetune.epochs?"),
    "batch_size": ([*BOTH, "batch_size=8"], "did you mean finetune.batch_size?"),
    "precision": ([*BOTH, "precision=fp16"], "did you mean finetune.precision?"),
    "sparsity": ([*BOTH, "sparsity=0.5"], "did you mean pruning.sparsities?"),
    "root": ([*BOTH, "root=DIR"], "did you mean data.root?"),
    "model_name": ([*BOTH, "model_name=x"], "did you mean model.name?"),
    "language": (["language=de", "task=ner"], "did you mean lang?"),
    "runs-dir": ([*BOTH, "runs-dir=x"], "did you mean runs_dir?"),
    "output_dir": ([*BOTH, "output_dir=x"], "did you mean runs_dir?"),
    "a letter too few": ([*BOTH, "finetune.step=5"], "did you mean finetune.steps?"),
    "another room": ([*BOTH, "pruning.learning_rate=1"], "did you mean finetune.learning_rate?"),
    # names of options
    "capitals": (["lang=de", "task=NER"], "did you mean task=ner?"),
    "another name of a task": (["lang=de", "task=panx"], "did you mean task=ner?"),
    "mBERT by its hub id": (
        [*BOTH, "model=bert-base-multilingual-cased"], "model=mbert, or model=checkpoint model.name=bert-base"
    ),
    "a hub id": ([*BOTH, "model=owner/name"], "did you mean model=checkpoint model.name=owner/name?"),
    "a folder as model": ([*BOTH, "model=./bert"], "did you mean model=checkpoint model.name=./bert?"),
    "a data set's name": ([*BOTH, "data=wikiann"], "did you mean data=hub?"),
    "a folder as data": ([*BOTH, "data=/texts"], "did you mean data=files data.root=/texts?"),
    "a task that the paper has not": (
        ["lang=de", "task=pos", "experiment=foroutan2022"],
        "task=pos: experiment=foroutan2022 has no such task; choose one of: mlm, ner, xnli",
    ),
    "a rate without end": ([*BOTH, "finetune.learning_rate=inf"], "finetune.learning_rate: Input should be less than"),
    "a paper's name": ([*BOTH, "experiment=foroutan"], "did you mean experiment=foroutan2022?"),
    "a launcher by its cluster": (
        ["-m", *BOTH, "hydra/launcher=slurm"],
        "hydra/launcher=slurm: no such hydra/launcher; choose one of: joblib, ray, submitit_local, submitit_slurm, "
        "basic; did you mean hydra/launcher=submitit_slurm?",
    ),
    "a sweeper with a letter wrong": (["-m", *BOTH, "hydra/sweeper=optune"], "did you mean hydra/sweeper=optuna?"),
    "an option of a group of Hydra's": ([*BOTH, "hydra/job_logging=foo"], "hydra/job_logging/foo: no hydra/job_log"),
    "a sweep and a look": (["-m", *BOTH, "--cfg", "job"], "Only one of --run, --multirun"),
    "a step in capitals": ([*BOTH, "step=Find"], "did you mean step=find?"),
    "a step with a letter missing": ([*BOTH, "step=repot"], "did you mean step=report?"),
    "task=null": (["lang=de", "task=null"], "name one of its options"),
    # values
    "another program's name in our group": ([*BOTH, "finetune.lr=1"], "did you mean finetune.learning_rate?"),
    "several without -m": (["lang=de,fr", "task=ner"], "for a run each type -m lang=de,fr"),
    "a list without brackets": ([*BOTH, "controls=random,oneshot"], "for a list controls=[random,oneshot]"),
    "one without brackets": ([*BOTH, "controls=random"], "did you mean controls=[random]?"),
    "none": ([*BOTH, "controls=none"], "did you mean controls=[]?"),
    "a range of seeds": ([*BOTH, "seed=0-2"], "did you mean -m seed=0,1,2"),
    "a list of seeds": ([*BOTH, "seed=[0,1]"], "did you mean -m seed=0,1"),
    "gpu": ([*BOTH, "device=gpu"], "did you mean device=cuda?"),
    "cuda:1": ([*BOTH, "device=cuda:1"], "device=cuda, with CUDA_VISIBLE_DEVICES=1 before the command"),
    "fp16": ([*BOTH, "finetune.precision=fp16"], "did you mean finetune.precision=bf16?"),
    "a number in words": ([*BOTH, "pruning.rounds=five"], "a whole number, as pruning.rounds=5"),
    "per cent": ([*BOTH, "pruning.rate=10%"], "did you mean pruning.rate=0.1?"),
    "a path of Windows": ([*BOTH, "data=files", r"data.root=C:\Users\me"], "data.root=/mnt/c/Users/me"),
    "runs in Windows": ([*BOTH, "runs_dir=D:/runs"], "runs_dir=/mnt/d/runs"),
    "no folder of data": ([*BOTH, "data=files"], "say data.root=VALUE"),
    "no name of a model": ([*BOTH, "model=checkpoint"], "say model.name=VALUE"),
    "a name of 300 letters": (["lang=" + "a" * 300, "task=ner"], "at most 200 bytes"),
    # languages; these reach the data
    "a language by its name": (["lang=german", "task=ner"], "did you mean lang=de?"),
    "a language in capitals": (["lang=DE", "task=ner"], "did you mean lang=de?"),
    "a language in its own name": (["lang=kiswahili", "task=ner"], "did you mean lang=sw?"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_what_to_type(typed, tmp_path, monkeypatch, mistake):
    arguments, expected = MISTAKES[mistake]
    monkeypatch.chdir(tmp_path)
    said = typed(*arguments)
    assert (said.code, said.err.count("\n")) == (2, 1), said
    assert said.err.startswith("subnets: ")
    assert expected in said.err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("defaults: [config, _self_]\n\tlang: de\n", "own.yaml, line 2: found character '\\t'"),
        ("defaults: [config, _self_]\nlang: [de\n", "own.yaml, line 3: "),
        ("defaults: [config, _self_]\nlanguage: de\n", "language: no such setting; did you mean lang?"),
        ("defaults: [config, _self_]\npruning: {round: 3}\n", "did you mean pruning.rounds?"),
        ("defaults: [config, _self_]\nfinetune: {steps: many}\n", "a whole number, as finetune.steps=5"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_file_of_ones_own_is_told_what_to_type(typed, tmp_path, text, expected):
    (tmp_path / "own.yaml").write_text(text)
    said = typed(*BOTH, "--config-dir", str(tmp_path), "--config-name", "own")
    assert (said.code, said.err.count("\n")) == (2, 1), said
    assert expected in said.err


def test_a_file_of_ones_own_that_is_not_there_is_named(typed, tmp_path):
    said = typed(*BOTH, "--config-dir", str(tmp_path), "--config-name", "mine")
    assert said.code == 2
    assert "--config-name=mine: no mine.yaml" in said.err


def test_options_may_stand_anywhere():
    assert as_typed(["lang=de", "-m", "seed=0,1", "--config-dir", "x", "--cfg=job"], KEYS) == [
        "-m", "--config-dir", "x", "--cfg=job", "lang=de", "seed=0,1"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "argument",
    [
        "lang=no", "lang=", "task=ner", "~controls", "~controls=[]", "++lang=de", "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2", "+hydra.launcher.ray.init.num_cpus=2", "task@other=ner", "seed=range(3)",
        "export.mask=core(de,fr) - sw", "export.mask='~en'", "source=\"2 of (en,fr)\"", "data.root=/Max’s texts/a=b",
        "task.hub.configs.de=de_hdt", "model.name=",
    ],
)  # fmt: skip
def test_what_is_right_is_let_through(argument):
    assert as_typed([argument], KEYS) == [argument]


def test_every_name_elsewhere_stands_for_a_setting_of_ours():
    from subnets.mistakes import KEYS_ELSEWHERE

    assert set(KEYS_ELSEWHERE.values()) <= set(KEYS)
    assert not KEYS_ELSEWHERE.keys() & set(KEYS)
    assert key_meant("zzz", KEYS) is None


def test_every_option_elsewhere_stands_for_one_there_is():
    from subnets.mistakes import OPTIONS_ELSEWHERE
    from subnets.run import CONF

    for group, names in OPTIONS_ELSEWHERE.items():
        assert set(names.values()) <= {path.stem for path in (CONF / group).glob("*.yaml")}


def test_codes_are_left_as_they_are():
    assert language_meant("de") is None
    assert language_meant("xx") is None


def test_paths_of_here_are_places(monkeypatch):
    for place in (None, "/a", "a/b", "~/x", "owner/name", "c:"):
        check_place("data.root", place)
    with pytest.raises(InputError, match="a path of Windows"):
        check_place("data.root", "C:/x")
    monkeypatch.setattr("os.name", "nt")
    check_place("data.root", "C:/x")
