"""What is often typed, and what is meant by it: settings written another way, names that other programs use."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Sequence

from subnets.errors import InputError

# Names of settings in other programs; those that are the end of one of ours need no entry.
KEYS_ELSEWHERE = {
    "lr": "finetune.learning_rate", "bs": "finetune.batch_size", "batch": "finetune.batch_size",
    "num_train_epochs": "finetune.epochs", "max_steps": "finetune.steps", "fp16": "finetune.precision",
    "bf16": "finetune.precision", "max_seq_length": "finetune.max_length", "language": "lang", "languages": "lang",
    "output_dir": "runs_dir", "out_dir": "runs_dir", "model_name": "model.name", "model_name_or_path": "model.name",
    "checkpoint": "model.name", "dataset": "data", "data_dir": "data.root", "data_root": "data.root",
    "path": "data.root", "sparsity": "pruning.sparsities", "iterations": "pruning.rounds", "gpu": "device",
    "cuda": "device", "num_workers": "threads", "random_seed": "seed", "control": "controls",
}  # fmt: skip
OPTIONS_ELSEWHERE = {
    "model": {
        "bert-base-multilingual-cased": "mbert", "google-bert/bert-base-multilingual-cased": "mbert",
        "multilingual-bert": "mbert", "bert": "mbert", "xlm-roberta-base": "xlmr_base",
        "facebookai/xlm-roberta-base": "xlmr_base", "xlm-r": "xlmr_base", "xlmr": "xlmr_base",
    },
    "data": {
        "wikiann": "hub", "panx": "hub", "xnli": "hub", "wikipedia": "hub", "ud": "hub", "huggingface": "hub",
        "embedded": "fragment", "local": "files", "folder": "files",
    },
    "task": {"nli": "xnli", "upos": "pos", "wikiann": "ner", "panx": "ner", "lm": "mlm", "language-modelling": "mlm"},
    "experiment": {"foroutan": "foroutan2022", "paper": "foroutan2022"},
    "hydra/launcher": {"slurm": "submitit_slurm", "submitit": "submitit_slurm", "local": "submitit_local"},
}  # fmt: skip
VALUES_ELSEWHERE = {
    "device": {"gpu": "cuda", "mps": "cpu"},
    "precision": {"fp16": "bf16", "float16": "bf16", "half": "bf16", "bfloat16": "bf16", "float32": "fp32"},
}
LANGUAGES = {
    "arabic": "ar", "german": "de", "deutsch": "de", "english": "en", "spanish": "es", "español": "es", "persian": "fa",
    "farsi": "fa", "french": "fr", "français": "fr", "hindi": "hi", "russian": "ru", "swahili": "sw", "kiswahili": "sw",
    "urdu": "ur", "chinese": "zh", "mandarin": "zh",
}  # fmt: skip

# Hydra's own options, with how many values follow them.
OPTIONS = {
    "-m": 0, "--multirun": 0, "-r": 0, "--run": 0, "-h": 0, "--help": 0, "--hydra-help": 0, "--version": 0,
    "--resolve": 0, "-sc": 0, "--shell-completion": 0, "-c": 1, "--cfg": 1, "-p": 1, "--package": 1, "-cp": 1,
    "--config-path": 1, "-cn": 1, "--config-name": 1, "-cd": 1, "--config-dir": 1, "--experimental-rerun": 1,
    "-i": 1, "--info": 1,
}  # fmt: skip
NEAR = 0.9  # of difflib: a letter or two
CURLED = "“”„‘’«»"
KEY = re.compile(r"[~+]*[\w./@-]+")
WINDOWS = re.compile(r"[A-Za-z]:[\\/]")


def as_typed(arguments: Sequence[str], keys: Collection[str]) -> list[str]:
    """The arguments as Hydra takes them: its own options first, wherever they were typed.

    Args:
        arguments: of the command line.
        keys: of all settings.

    Raises:
        InputError: an argument that is neither an option nor KEY=VALUE; what to type instead.
    """
    options: list[str] = []
    settings: list[str] = []
    left = list(arguments)
    while left:
        argument = left.pop(0)
        following = OPTIONS.get(argument.partition("=")[0])
        if following is None and argument.startswith("-"):
            raise InputError(_no_option(argument, left, keys))
        if following is None:
            _check_setting(argument, left, keys)
            settings.append(argument)
        else:
            taken = following if "=" not in argument else 0
            options += [argument, *left[:taken]]
            del left[:taken]
    return options + settings


def key_meant(key: str, keys: Collection[str]) -> str | None:
    """The setting that a name may stand for: the same in another spelling, one that ends so, or the nearest."""
    plain = re.sub(r"[^\w.]", "_", key).lower() if "-" in key else re.sub(r"[^\w]", ".", key).lower()
    if plain in keys:
        return plain
    if plain in KEYS_ELSEWHERE:
        return KEYS_ELSEWHERE[plain]
    last = plain.rpartition(".")[2]
    candidates = [
        *(each for each in keys if each.endswith(f".{plain}")),
        *difflib.get_close_matches(plain, keys, n=1, cutoff=NEAR),
        *(each for each in keys if f".{each}".endswith(f".{last}")),
        *([KEYS_ELSEWHERE[last]] if last in KEYS_ELSEWHERE else []),
        *difflib.get_close_matches(plain, keys, n=1),
    ]
    return next(iter(candidates), None)


def option_meant(group: str, name: str, options: Sequence[str]) -> str | None:
    """What to type for an option that a group does not have, as GROUP=NAME."""
    plain = name.lower()
    close = difflib.get_close_matches(plain, options, n=1) if "/" not in name else []
    near = OPTIONS_ELSEWHERE.get(group, {}).get(plain) or next(iter(close), None)
    if group == "model" and ("/" in name or "-" in name):
        own = f"model=checkpoint model.name={name}"
        return f"model={near}, or {own}" if near else own
    if group == "data" and "/" in name:
        return f"data=files data.root={name}"
    return f"{group}={near}" if near else None


def value_meant(key: str, value: object, kind: str) -> str | None:
    """What to type for a value that a setting does not take, as KEY=VALUE; `kind` is pydantic's name of the fault."""
    text, last = str(value), key.rpartition(".")[2]
    if text.lower() in VALUES_ELSEWHERE.get(last, {}):
        return f"{key}={VALUES_ELSEWHERE[last][text.lower()]}"
    if last == "device" and text.startswith("cuda:"):
        return f"device=cuda, with CUDA_VISIBLE_DEVICES={text[5:]} before the command"
    if percent := re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", text):
        return f"{key}={float(percent[1]) / 100:g}"
    if several := re.fullmatch(r"(\d+)\s*(?:-|\.\.)\s*(\d+)|\[(\d+(?:, *\d+)*)\]", text):
        listed = several[3] or ",".join(map(str, range(int(several[1]), min(int(several[2]), int(several[1]) + 9) + 1)))
        return f"-m {key}={listed.replace(' ', '')} for a run each"
    if kind == "tuple_type":
        return f"{key}=[]" if text in ("none", "None") else f"{key}=[{text}]"
    if kind in ("int_parsing", "int_from_float"):
        return f"a whole number, as {key}=5"
    return None


def language_meant(lang: str) -> str | None:
    """The code of a language that was called by its name or written in capitals."""
    plain = lang.lower()
    return LANGUAGES.get(plain) or (plain if plain != lang and re.fullmatch("[a-z]{2,3}", plain) else None)


def check_place(key: str, place: str | None) -> None:
    """Refuses a path of Windows elsewhere, where it would be the name of a file.

    Raises:
        InputError: it is one; what to type instead.
    """
    if place is not None and os.name != "nt" and WINDOWS.match(place):
        here = f"/mnt/{place[0].lower()}/{place[3:]}".replace("\\", "/")
        raise InputError(f"{key}={place}: a path of Windows, which this is not; under WSL type {key}={here}")


def _no_option(argument: str, following: Sequence[str], keys: Collection[str]) -> str:
    name, _, value = argument.lstrip("-").partition("=")
    key = key_meant(name, keys)
    if key is None:
        return f"{argument}: no such option; settings are typed KEY=VALUE, as lang=de; --help lists them"
    value = value or next((each for each in following if not each.startswith("-")), "VALUE")
    return f"{argument}: settings are typed without dashes: {key}={value}"


def _check_setting(argument: str, following: Sequence[str], keys: Collection[str]) -> None:
    """Stops at what is not KEY=VALUE, saying what it may have been."""
    curled = argument.strip(CURLED) != argument or re.search(f"=[{CURLED}]", argument)
    if curled or re.fullmatch(r"'[^']*'|\"[^\"]*\"", argument):
        plain = argument.translate({ord(sign): None for sign in CURLED + "'\""})
        raise InputError(f"{argument}: curled quotes, or quotes within quotes; type {plain}")
    key, sign, value = argument.partition("=")
    bare = key.strip()
    if argument.startswith("~") and not sign:
        return
    if not sign or not bare:
        raise InputError(_not_assigned(argument, following, keys))
    if not value and bare in keys and following and re.fullmatch(r"[\w.+-]+", following[0]):
        raise InputError(f"{argument} {following[0]}: type {bare}={following[0]}, without spaces")
    if key != bare or value.startswith("="):
        raise InputError(f"{argument}: type {bare}={value.strip().lstrip('=')}, without spaces and with one =")
    if more := [each for each in re.findall(r"[ ;,]([\w.]+)=", value) if each in keys]:
        parts = re.sub(rf"[ ;,]+({'|'.join(map(re.escape, more))})=", r" \1=", argument)
        raise InputError(f"{argument}: each setting is an argument of its own: {parts}")
    if key[:1] == "+" and key[1:] in keys:
        raise InputError(f"{argument}: + is for what is not there yet; type {argument.lstrip('+')}")
    if not KEY.fullmatch(key):
        meant = key_meant(key, keys)
        raise InputError(f"{argument}: {key!r} is no name of a setting" + (f"; type {meant}={value}" if meant else ""))


def _not_assigned(argument: str, following: Sequence[str], keys: Collection[str]) -> str:
    after = [each for each in following[:2] if each != "="]
    key, colon, value = argument.partition(":")
    value = value.strip() if colon else (after[0].lstrip("=") if after else "VALUE")
    if argument.startswith("="):
        return f"{argument}: no setting before =; type KEY=VALUE, as lang=de"
    if argument == "help":
        return "help: type --help"
    meant = key_meant(key.strip(), keys)
    if meant is None or (not colon and meant != argument and not argument.endswith("=")):
        return f"{argument}: no setting; settings are typed KEY=VALUE, as lang=de; --help lists them"
    return f"{argument}: type {meant}={value}, with = and without spaces"
