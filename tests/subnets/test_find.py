"""find: what a run leaves behind, and that nothing done is done again, whenever it was killed."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from composed import settings
from safetensors.numpy import load_file, save_file

from finetune import training
from finetune.outcomes import metric_called
from pruning.mask_file import read_mask
from subnets import workspace
from subnets.errors import InputError, RunFailed, Stopped
from subnets.settings import CONTROLS
from subnets.snapshots import Snapshots
from subnets.steps import find
from subnets.workbench import Workbench
from subnets.workspace import Folder, run_folder

REPOSITORY = Path(__file__).resolve().parents[2]
ALL_CONTROLS = f"controls=[{','.join(CONTROLS)}]"


def results_of(given):
    return run_folder(given).read_json("results.json")


def found(*overrides):
    given = settings(*overrides)
    find.run(given)
    return given


def digests(folder):
    """SHA-256 of every mask and outcome, and the results without the seconds they took."""
    kept = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.safetensors"))
    }
    results = json.loads((folder / "results.json").read_text())
    del results["seconds"]
    return kept, results


@pytest.mark.parametrize("task", ["pos", "ner", "xnli", "mlm"])
def test_a_run_leaves_results_that_agree_with_its_masks_and_outcomes(small_run, task):
    unlabelled = ALL_CONTROLS.replace(",shuffled_labels", "") if task == "mlm" else ALL_CONTROLS
    given = found(*small_run(unlabelled, task=task))
    folder, results = run_folder(given).path, results_of(given)
    assert [entry["sparsity"] for entry in results["rounds"]] == pytest.approx([0, 0.3, 0.6], abs=1e-4)
    assert list(results["controls"]) == [name for name in CONTROLS if name in given.controls]
    metric = metric_called(results["metric"])
    for entry in [*results["rounds"], *results["controls"].values()]:
        mask, about = read_mask(folder / entry["mask"])
        assert mask.sparsity == entry["sparsity"]
        assert (about.task, about.lang, about.seed) == (task, "de", 0)
        outcomes = load_file((folder / entry["mask"]).parent / "outcomes.safetensors")
        assert float(metric.score(outcomes["validation"].sum(axis=0))) == entry["score"]
        assert float(metric.score(outcomes["test"].sum(axis=0))) == entry["test_score"]
    assert len(outcomes["validation"]) == 16


def test_masks_of_a_trajectory_are_nested_and_controls_keep_as_much_as_the_ticket(small_run):
    given = found(*small_run(ALL_CONTROLS))
    folder, results = run_folder(given).path, results_of(given)
    dense, first, second = (read_mask(folder / entry["mask"])[0] for entry in results["rounds"])
    assert second <= first <= dense
    against = results["ticket"] or results["rounds"][-1]
    ticket, _ = read_mask(folder / against["mask"])
    controls = {name: read_mask(folder / entry["mask"])[0] for name, entry in results["controls"].items()}
    assert {control.kept for control in controls.values()} == {ticket.kept}
    assert controls["random_per_matrix"].kept_counts == ticket.kept_counts
    assert controls["random_reinit"] == ticket
    assert len({control.digest for control in controls.values()}) == 5


def test_texts_have_no_labels_to_shuffle(small_run):
    with pytest.raises(InputError, match=r"shuffled_labels'\]: task=mlm has no labels to shuffle"):
        found(*small_run("controls=[shuffled_labels]", task="mlm"))


def test_provenance_and_settings_say_where_the_numbers_come_from(small_run):
    given = found(*small_run())
    folder = run_folder(given)
    provenance = folder.read_json("provenance.json")
    assert re.fullmatch(r"[0-9a-f]{64}", provenance["base"]["fingerprint"])
    assert provenance["data"]["splits"]["train"]["examples"] == 48
    assert provenance["machine"]["threads"] == 1
    assert provenance["software"]["versions"]["torch"]
    kept = yaml.safe_load(folder.read("settings.yaml"))
    assert kept["pruning"]["rate"] == 0.3
    assert "runs_dir" not in kept


def test_a_run_that_goes_on_elsewhere_says_what_changed_since_it_was_begun(small_run, capsys):
    folder = run_folder(found(*small_run())).path
    provenance = json.loads((folder / "provenance.json").read_text())
    assert "since this run was begun" not in capsys.readouterr().out
    provenance["machine"]["threads"] = 2
    (folder / "provenance.json").write_text(json.dumps(provenance))
    (folder / "results.json").unlink()
    found(*small_run())
    assert "since this run was begun, threads changed (machine in provenance.json)" in capsys.readouterr().out


def test_a_run_stopped_before_it_had_anything_comes_from_where_it_is_made(small_run, capsys):
    folder = run_folder(found(*small_run())).path
    provenance = json.loads((folder / "provenance.json").read_text())
    for place in (folder / "rounds", folder / "controls"):
        shutil.rmtree(place)
    (folder / "results.json").unlink()
    (folder / "provenance.json").write_text(
        json.dumps(provenance | {"machine": provenance["machine"] | {"threads": 2}})
    )
    found(*small_run())
    assert json.loads((folder / "provenance.json").read_text()) == provenance
    assert "since this run was begun" not in capsys.readouterr().out


def test_masks_of_one_base_name_the_same_base_under_every_task(small_run):
    prints = set()
    for task in ("ner", "xnli", "mlm"):
        given = found(*small_run("pruning.rounds=1", "controls=[]", task=task))
        prints.add(read_mask(run_folder(given).path / "rounds/1/mask.safetensors")[1].base_fingerprint)
    assert len(prints) == 1


def test_a_finished_run_is_shown_and_not_computed_again(small_run, monkeypatch, capsys):
    given = found(*small_run())
    before = capsys.readouterr().out
    monkeypatch.setattr(Workbench, "train_and_score", _never)
    assert find.run(given) == results_of(given)["ticket"]["score"]
    after = capsys.readouterr().out
    assert "this run is done" in after
    assert after.split("\n\n")[1] == before.split("\n\n")[1]  # the same table


def test_one_more_control_trains_that_control_alone(small_run, monkeypatch):
    given = found(*small_run("controls=[random]"))
    trained, train = [], Workbench.train_and_score

    def training(self, mask, **more):
        trained.append(mask)
        return train(self, mask, **more)

    monkeypatch.setattr(Workbench, "train_and_score", training)
    found(*small_run("controls=[oneshot]"))
    assert len(trained) == 1
    assert list(results_of(given)["controls"]) == ["random", "oneshot"]


def test_dense_runs_of_other_seeds_are_shared(small_run, monkeypatch):
    rule = ["ticket.rule=one_std", "ticket.dense_seeds=2", "controls=[]"]
    one = found(*small_run(*rule))
    seeds, train = [], Workbench.train_and_score

    def training(self, mask, *, seed, **more):
        seeds.append(seed)
        return train(self, mask, seed=seed, **more)

    monkeypatch.setattr(Workbench, "train_and_score", training)
    two = found(*small_run(*rule, "seed=1"))
    assert seeds == [1, 1, 1]  # its own three rounds; dense of seed 0 is there
    first, second = results_of(one)["dense"], results_of(two)["dense"]
    assert (first["seeds"], second["seeds"]) == ([0, 1], [1, 0])
    assert first["score"] == second["score"]
    assert first["standard_deviation"] == second["standard_deviation"]


@pytest.mark.parametrize(
    "variant",
    [
        ["pruning.score=magnitude_change"],
        ["pruning.score=taylor", "pruning.score_batches=2"],
        ["pruning.score=fisher", "pruning.score_examples=3"],
        ["pruning.score=base_magnitude", "pruning.scope=per_matrix"],
        ["pruning.score=random", "pruning.scope=per_layer"],
        ["pruning.rate_of=remaining"],
        ["pruning.sparsities=[0.2,0.55]"],
        ["pruning.rewind=3"],
        ["pruning.rewind_head=false", "finetune.schedule_spans=run"],
        ["pruning.also=[embeddings,norms,biases]"],
        ["finetune.precision=bf16", "finetune.gradient_accumulation_steps=2"],
        ["finetune.steps=null", "finetune.epochs=1", "finetune.warmup_share=0.5", "finetune.weight_decay=0.1"],
    ],
    ids=lambda variant: ",".join(variant),
)
def test_every_variant_runs_with_nested_masks_of_the_sparsities_asked_for(small_run, variant):
    given = found(*small_run(*variant, "controls=[oneshot]"))
    entries = results_of(given)["rounds"]
    masks = [read_mask(run_folder(given).path / entry["mask"])[0] for entry in entries]
    assert all(later <= earlier for earlier, later in pairwise(masks))
    expected = [float(sparsity) for sparsity in given.sparsities]
    assert [mask.sparsity for mask in masks] == pytest.approx(expected, abs=12 / masks[0].total)


def test_base_magnitude_finds_the_oneshot_mask(small_run):
    given = found(*small_run("pruning.score=base_magnitude", "controls=[oneshot]"))
    results = results_of(given)
    against = results["ticket"] or results["rounds"][-1]
    masks = [read_mask(run_folder(given).path / e["mask"])[0] for e in (against, results["controls"]["oneshot"])]
    assert masks[0] == masks[1]


def test_rewinding_to_a_step_starts_later_rounds_from_the_weights_of_that_step(small_run, monkeypatch):
    starts, train = [], Workbench.train_and_score

    def training(self, mask, *, start, first_step, **more):
        starts.append((first_step, start))
        return train(self, mask, start=start, first_step=first_step, **more)

    monkeypatch.setattr(Workbench, "train_and_score", training)
    found(*small_run("pruning.rewind=3", "controls=[]"))
    assert [step for step, _ in starts] == [0, 3, 3]
    assert starts[1][1].fingerprint == starts[2][1].fingerprint != starts[0][1].fingerprint


class Killed(BaseException):
    """What no handler may catch."""


EARLY = ["pruning.stop_when_stable=0.9", "pruning.look_every=2"]  # rounds in between end at their second look


@pytest.mark.parametrize(
    "variant",
    [[], ["pruning.rewind=3", "pruning.rewind_head=false"], EARLY],
    ids=["plain", "rewound", "ended early"],
)
def test_a_run_killed_before_any_of_its_writes_ends_with_the_same_bytes(small_run, tmp_path, monkeypatch, variant):
    write, writes = Folder.write_parts, []

    def writing(self, name, parts):
        if len(writes) == last:
            raise Killed
        writes.append(name)
        write(self, name, parts)

    monkeypatch.setattr(Folder, "write_parts", writing)
    last = -1
    undisturbed = digests(run_folder(found(*small_run(*variant))).path)
    for last in range(len(writes)):
        given = settings(*small_run(*variant, f"runs_dir={tmp_path}/{last}"))
        writes.clear()
        with pytest.raises(Killed):
            find.run(given)
        writes[:] = [""] * (last + 1)  # past the write to be killed at
        find.run(given)
        assert digests(run_folder(given).path) == undisturbed


def test_a_killed_process_is_gone_on_with(small_run, tmp_path):
    undisturbed = digests(run_folder(found(*small_run("threads=1"))).path)
    overrides = small_run("threads=1", f"runs_dir={tmp_path}/killed")
    given = settings(*overrides)
    command = [sys.executable, "-m", "subnets.run", *overrides]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    first = run_folder(given).path / "rounds/0/result.json"
    _wait_for(first)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (run_folder(given).path / "results.json").exists()
    find.run(given)
    assert digests(run_folder(given).path) == undisturbed


def test_ctrl_c_says_how_to_go_on(small_run):
    command = [sys.executable, "-m", "subnets.run", *small_run("finetune.steps=100000")]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            if line.startswith("prunable"):
                break
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert re.fullmatch(
        r"subnets: stopped in find pos de seed=0(, round 0 after \d+ of 100000 steps)?; "
        r"what was finished is kept: run the same command again to go on\n",
        errors,
    )


@pytest.mark.parametrize(
    ("every", "where"),
    [
        ("null", "round 0 after 3 of 6 steps"),
        (2, "round 0 after 3 of 6 steps, of which 2 are kept"),
        (4, "round 0 after 3 of 6 steps"),
    ],
)
def test_who_stops_a_training_is_told_at_which_step_it_was(small_run, monkeypatch, every, where):
    def track(_self, _label, step):
        if step.number == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(Workbench, "track", track)
    with pytest.raises(Stopped, match=f"^{where}$"):
        found(*small_run(f"finetune.checkpoint_every={every}"))


def test_who_stops_a_run_before_it_trains_is_told_so(small_run, monkeypatch):
    def stopped(*_arguments, **_named):
        raise KeyboardInterrupt

    monkeypatch.setattr("subnets.workbench.load_base", stopped)
    with pytest.raises(Stopped, match=r"^setting up$"):
        found(*small_run())


def test_a_training_whose_outcome_was_not_yet_kept_goes_on_at_its_last_state(small_run, monkeypatch):
    """As where choosing the mask takes long, by scores that need gradients."""
    given, numbers = settings(*small_run("finetune.checkpoint_every=2")), []

    def killed(*_arguments, **_named):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Workbench, "choose", killed)
        with pytest.raises(Killed):
            find.run(given)
    monkeypatch.setattr(Workbench, "track", lambda _self, label, step: numbers.append((label, step.number)))
    find.run(given)
    assert ("round 0", 1) not in numbers
    assert ("round 1", 1) in numbers
    assert not list(run_folder(given).path.rglob("snapshot*"))


def test_a_loss_that_is_not_finite_names_round_step_and_last_good_mask(small_run, monkeypatch):
    given = settings(*small_run())
    score = Workbench.choose

    def choosing(self, mask, sparsity, **more):
        chosen = score(self, mask, sparsity, **more)
        next(iter(self.start.weights.values())).fill_(float("nan"))
        return chosen

    monkeypatch.setattr(Workbench, "choose", choosing)
    with pytest.raises(RunFailed, match=r"round 1: .* step 1; .*last good mask is .*rounds/1/mask\.safetensors"):
        find.run(given)
    folder = run_folder(given)
    assert folder.has("rounds/0/result.json")
    assert not folder.has("rounds/1/result.json")


def test_a_second_process_on_the_same_run_is_turned_away(small_run):
    given = settings(*small_run())
    with (
        workspace.held(run_folder(given), given.identity()),
        pytest.raises(InputError, match="another process is working on this run"),
    ):
        find.run(given)


def test_data_that_changed_since_is_refused(small_run, tiny_files, tmp_path):
    from tiny import write_files

    root = write_files(tmp_path / "mine")
    overrides = small_run(f"data.root={root}")
    given = settings(*overrides)
    run = found(*overrides, "pruning.rounds=1", "controls=[]")
    assert results_of(run)
    find.run(given)
    (run_folder(given).path / "results.json").unlink()
    file = root / "pos/de/train.conllu"
    file.write_text(file.read_text().replace("house", "dog"))
    with pytest.raises(InputError, match="the data has changed since"):
        find.run(given)


def test_a_mask_of_another_run_is_not_taken_for_a_rounds_own(small_run):
    given, other = (found(*small_run("controls=[]", f"seed={seed}")) for seed in (0, 1))
    mine, theirs = (run_folder(each).path / "rounds/1/mask.safetensors" for each in (given, other))
    (run_folder(given).path / "results.json").unlink()
    mine.write_bytes(theirs.read_bytes())
    with pytest.raises(InputError, match=r"a mask of task, language and seed \('pos', 'de', 1\); expected one of"):
        find.run(given)


def test_a_damaged_result_is_named(small_run):
    given = found(*small_run("controls=[]"))
    folder = run_folder(given).path
    (folder / "results.json").unlink()
    (folder / "rounds/1/outcomes.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match=r"rounds/1: damaged .*delete this folder"):
        find.run(given)


def test_losses_go_to_tensorboard_where_it_is_asked_for(small_run):
    given = found(*small_run("finetune.tracker=tensorboard", "pruning.rounds=1", "controls=[]"))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = next(run_folder(given).path.rglob("events.out.*"))
    log = EventAccumulator(str(events)).Reload()
    assert [event.step for event in log.Scalars("round 0/loss")] == [1, 2, 3, 4, 5, 6]


def _never(*_arguments, **_named):
    raise AssertionError("a finished run trained again")


def _wait_for(path, seconds=120):
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not appear"
        time.sleep(0.02)


@pytest.mark.parametrize("content", ["[]", "{}", "{", '{"controls": {}}'])
def test_damaged_results_are_named(small_run, content):
    given = found(*small_run("controls=[]"))
    (run_folder(given).path / "results.json").write_text(content)
    with pytest.raises(InputError, match=r"results\.json: .*; delete it to compute it again"):
        find.run(given)


def test_a_damaged_round_can_be_deleted_as_the_message_says(small_run):
    given = found(*small_run("controls=[]"))
    folder, before = run_folder(given).path, digests(run_folder(given).path)
    (folder / "results.json").unlink()
    shutil.rmtree(folder / "rounds/1")
    find.run(given)
    assert digests(folder) == before


def test_runs_that_prune_other_parts_do_not_share_dense_runs(small_run):
    rule = ["ticket.rule=one_std", "ticket.dense_seeds=2", "controls=[]"]
    found(*small_run(*rule))
    given = found(*small_run(*rule, "pruning.also=[embeddings]"))
    assert results_of(given)["dense"]["seeds"] == [0, 1]


@pytest.mark.parametrize(
    "rounds",
    [[], ["pruning.rewind=3", "pruning.rewind_head=false"], EARLY],
    ids=["plain", "rewound", "ended early"],
)
def test_a_run_killed_in_the_middle_of_a_training_goes_on_there_to_the_same_bytes(
    small_run, tmp_path, monkeypatch, rounds
):
    """Dropout is on, so that the random state must be right as well."""
    given = ["finetune.checkpoint_every=2", *rounds]
    undisturbed = digests(run_folder(found(*small_run(*given, f"runs_dir={tmp_path}/undisturbed"))).path)
    plain = small_run(*rounds, f"runs_dir={tmp_path}/undisturbed")
    assert run_folder(settings(*plain)) == run_folder(settings(*small_run(*given, f"runs_dir={tmp_path}/undisturbed")))
    monkeypatch.setattr(Snapshots, "keep", _killing(Snapshots.keep))
    _killing.left = 9
    taken, train = [], training.train_
    monkeypatch.setattr("subnets.workbench.train_", lambda *a, **n: taken.append(n["resume"]) or train(*a, **n))
    killed = settings(*small_run(*given))
    while not run_folder(killed).has("results.json"):
        try:
            find.run(killed)
        except Killed:
            continue
    assert digests(run_folder(killed).path) == undisturbed
    assert [resume.number for resume in taken if resume is not None] != []
    assert not list(run_folder(killed).path.rglob("snapshot*"))


def _killing(keep):
    """Keeps states, and is killed after some of them."""

    def keeping(self, step):
        keep(self, step)
        if step.number % 2 == 0 and _killing.left:
            _killing.left -= 1
            if _killing.left % 2 == 0:
                raise Killed

    return keeping


def test_a_state_of_another_training_is_not_gone_on_from(small_run, monkeypatch):
    """As where a training was killed, and its settings were then changed and changed back."""
    given = settings(*small_run("finetune.checkpoint_every=2"))
    monkeypatch.setattr(Snapshots, "keep", _killing(Snapshots.keep))
    _killing.left = 1
    with pytest.raises(Killed):
        find.run(given)
    state = run_folder(given).path / "rounds/0/snapshot.safetensors"
    foreign = load_file(state)
    save_file(foreign, state, metadata={"of": "0" * 64})
    undisturbed = found(*small_run(f"runs_dir={given.runs_dir}-other"))
    find.run(given)
    assert digests(run_folder(given).path) == digests(run_folder(undisturbed).path)


def test_a_state_with_other_numbers_than_were_written_is_named(small_run, monkeypatch):
    given = settings(*small_run("finetune.checkpoint_every=2"))
    monkeypatch.setattr(Snapshots, "keep", _killing(Snapshots.keep))
    _killing.left = 1
    with pytest.raises(Killed):
        find.run(given)
    state = run_folder(given).path / "rounds/0/snapshot.safetensors"
    content = bytearray(state.read_bytes())
    content[-5] ^= 1
    state.write_bytes(content)
    with pytest.raises(InputError, match=r"rounds/0/snapshot\.safetensors: damaged .* delete it"):
        find.run(given)


def test_a_damaged_state_is_named(small_run):
    given = settings(*small_run("finetune.checkpoint_every=2"))
    (run_folder(given) / "rounds" / "0").write("snapshot.safetensors", b"\x08\x00\x00\x00\x00\x00\x00\x00nonsense")
    with pytest.raises(InputError, match=r"rounds/0/snapshot\.safetensors: damaged .* delete it"):
        find.run(given)
