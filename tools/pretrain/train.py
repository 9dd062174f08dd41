"""Pretraining by recurring span selection (Splinter, section 3) with the model that fine-tuning uses."""

import hashlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
import yaml
from torch.nn import functional

from repro.backends.common.operations import compute
from repro.backends.pytorch.device import setup, versions
from repro.backends.pytorch.model import MASKED_LOGIT, SplinterQA, to_numpy, to_tensor
from repro.checkpoint import ModelConfig, check_config, seeded_weights, write_checkpoint
from repro.config.paths import atomic_npz, atomic_text, sha256_file
from repro.errors import InputError
from repro.numerics.arrays import Arrays
from repro.progress import clock
from tools.pretrain.batches import IGNORED, Pieces, batch_numbers, masked_batch, passages, vocabulary_of
from tools.pretrain.recipe import Recipe, Stage, read_recipe
from tools.pretrain.vocabulary import write_vocabulary

STATE = "state.npz"
SAVE_SECONDS = 120.0
LOG_STEPS = 100
UNSEEN_PASSAGES = 512
FILES = ("model.safetensors", "config.json", "vocab.txt", "recipe.yaml", "pretrain.log")


@dataclass
class Run:
    """One pretraining under way; ``done`` counts the steps of all stages."""

    recipe: Recipe
    out: Path
    pieces: Pieces
    module: SplinterQA
    optimizer: torch.optim.AdamW
    lines: list[str]
    done: int = 0

    @property
    def total(self) -> int:
        return sum(stage.steps for stage in self.recipe.stages)

    def say(self, line: str) -> None:
        """Show a line and keep it for the log."""
        print(line, flush=True)
        self.lines.append(line)


def _config(recipe: Recipe, vocabulary: list[str]) -> ModelConfig:
    return check_config({**recipe.geometry, **recipe.features, "vocab_size": len(vocabulary)})


def _start(recipe: Recipe, out: Path) -> Run:
    vocabulary = vocabulary_of(recipe)
    write_vocabulary(out / "vocab.txt", vocabulary)
    config = _config(recipe, vocabulary)
    module = SplinterQA(config, recipe.start.applied(seeded_weights(config, recipe.seed)))
    matrices = [value for value in module.parameters() if value.ndim > 1]
    vectors = [value for value in module.parameters() if value.ndim == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
        lr=0.0,
        betas=recipe.betas,
        fused=True,
    )
    return Run(recipe, out, Pieces(vocabulary), module, optimizer, [])


def _fingerprint(recipe: Recipe) -> str:
    return hashlib.sha256(recipe.model_dump_json().encode()).hexdigest()


def _save(run: Run) -> None:
    """Weights, moments and step count in one file, so that they never disagree."""
    arrays: Arrays = {"done": np.array(run.done)}
    for name, value in run.module.named_parameters():
        state = run.optimizer.state[value]
        arrays[f"{name}|value"] = to_numpy(value)
        arrays[f"{name}|exp_avg"] = to_numpy(state["exp_avg"])
        arrays[f"{name}|exp_avg_sq"] = to_numpy(state["exp_avg_sq"])
    arrays["recipe"] = np.array(_fingerprint(run.recipe))
    arrays["lines"] = np.array(run.lines)
    atomic_npz(run.out / STATE, arrays)


def _resume(run: Run) -> None:
    """Go on from the last saved state, if there is one.

    Raises:
        InputError: the state belongs to another recipe.
    """
    path = run.out / STATE
    if not path.exists():
        return
    with np.load(path, allow_pickle=False) as arrays:
        if str(arrays["recipe"]) != _fingerprint(run.recipe):
            raise InputError("unfinished pretraining of another recipe", where=path, next_step=f"remove {path}")
        run.done = int(arrays["done"])
        run.lines = [str(line) for line in arrays["lines"]]
        for name, value in run.module.named_parameters():
            value.data.copy_(to_tensor(arrays[f"{name}|value"]))
            run.optimizer.state[value] = {
                "step": torch.tensor(float(run.done)),
                "exp_avg": to_tensor(arrays[f"{name}|exp_avg"]),
                "exp_avg_sq": to_tensor(arrays[f"{name}|exp_avg_sq"]),
            }
    print(f"resumed at step {run.done} of {run.total}", flush=True)


def learning_rate(stage: Stage, step: int) -> float:
    """Rate of one step (from 0): linear warm-up, constant, linear decay to 0 over the last half."""
    warm = min(1.0, (step + 1) / max(1, stage.warmup_steps))
    return stage.learning_rate * warm * min(1.0, 2 * (stage.steps - step) / stage.steps)


def _logits(module: SplinterQA, batch: dict[str, np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Masked start and end logits (B, Q, T)."""
    ids, mask = to_tensor(batch["input_ids"]), to_tensor(batch["attention_mask"])  # (B, T)
    values = {
        "input_ids": ids,
        "token_type_ids": torch.zeros_like(ids),
        "mask": module.extended_attention_mask(mask),
        "positions": to_tensor(batch["questions"]),  # (B, Q)
    }
    operations = [*module.encoder_operations(), *module.splinter_qass.operations()]
    start, end = compute(operations, values, ("start_logits_unmasked", "end_logits_unmasked")).values()
    masked = (1 - mask).to(start.dtype).unsqueeze(1) * MASKED_LOGIT  # (B, 1, T)
    return start + masked, end + masked


def selection_loss(start: torch.Tensor, end: torch.Tensor, starts: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
    """Mean cross entropy over all questions of a batch, start and end averaged; logits (B, Q, T), targets (B, Q)."""
    start_loss = functional.cross_entropy(start.flatten(0, 1), starts.flatten(), ignore_index=IGNORED)
    end_loss = functional.cross_entropy(end.flatten(0, 1), ends.flatten(), ignore_index=IGNORED)
    return (start_loss + end_loss) / 2


def _hits(start: torch.Tensor, end: torch.Tensor, starts: torch.Tensor, ends: torch.Tensor) -> tuple[int, int]:
    """Number of exact spans, and number of questions."""
    exact = (start.argmax(-1) == starts) & (end.argmax(-1) == ends)
    return int(exact.sum()), int((starts != IGNORED).sum())


def _train_step(run: Run, batch: dict[str, np.ndarray], rate: float) -> tuple[float, int, int]:
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    start, end = _logits(run.module, batch)
    starts, ends = to_tensor(batch["starts"]), to_tensor(batch["ends"])
    loss = selection_loss(start, end, starts, ends)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(run.module.parameters(), run.recipe.max_grad_norm)
    run.optimizer.step()
    run.optimizer.zero_grad(set_to_none=True)
    return (loss.item(), *_hits(start, end, starts, ends))


def _unseen_accuracy(run: Run, stage: Stage) -> float:
    """Share of exact spans on passages whose names pretraining never uses."""
    fresh = list(passages(run.recipe, run.pieces, hard=stage.hard, count=UNSEEN_PASSAGES, split="training"))
    rng, hits, questions = Random(f"{run.recipe.seed}/unseen"), 0, 0
    run.module.eval()
    with torch.no_grad():
        for first in range(0, len(fresh), run.recipe.batch_size):
            batch = masked_batch(fresh[first : first + run.recipe.batch_size], run.pieces, rng, run.recipe.limits)
            start, end = _logits(run.module, batch)
            new_hits, new_questions = _hits(start, end, to_tensor(batch["starts"]), to_tensor(batch["ends"]))
            hits, questions = hits + new_hits, questions + new_questions
    run.module.train()
    return hits / questions


def _batches(run: Run, stage: Stage, number: int, first: int) -> Iterator[dict[str, np.ndarray]]:
    """Masked batches of a stage from step ``first`` on."""
    recipe, name = run.recipe, f"{run.recipe.seed}/stage {number}"
    pool = list(passages(recipe, run.pieces, hard=stage.hard, count=stage.passages))
    for step in range(first, stage.steps):
        chosen = [pool[n] for n in batch_numbers(name, len(pool), recipe.batch_size, step)]
        yield masked_batch(chosen, run.pieces, Random(f"{name}/step {step}"), recipe.limits)


def _run_stage(run: Run, number: int, before: int, begun: float, begun_at: int) -> None:
    stage = run.recipe.stages[number]
    first = max(0, run.done - before)
    losses, hits, questions, saved = 0.0, 0, 0, time.monotonic()
    run.module.train()
    for step, batch in enumerate(_batches(run, stage, number, first), first):
        loss, new_hits, new_questions = _train_step(run, batch, learning_rate(stage, step))
        losses, hits, questions = losses + loss, hits + new_hits, questions + new_questions
        run.done += 1
        if run.done % LOG_STEPS == 0:
            left = (time.monotonic() - begun) / (run.done - begun_at) * (run.total - run.done)
            line = f"step {run.done}/{run.total} loss {losses / LOG_STEPS:.4f} exact {hits / questions:.3f}"
            run.lines.append(line)
            print(f"{line}, {clock(left)} left", flush=True)
            losses, hits, questions = 0.0, 0, 0
            if time.monotonic() - saved > SAVE_SECONDS:
                _save(run)
                saved = time.monotonic()
    run.say(f"stage {number + 1} done: exact spans on unseen names {_unseen_accuracy(run, stage):.3f}")


def _finish(run: Run, recipe_path: Path | None, seconds: float) -> None:
    out = run.out
    run.lines.append(f"this process: {clock(seconds)}, versions {versions()}")
    if recipe_path is None:
        atomic_text(out / "recipe.yaml", yaml.safe_dump(run.recipe.model_dump(mode="json"), sort_keys=False))
    elif recipe_path.resolve() != (out / "recipe.yaml").resolve():
        shutil.copyfile(recipe_path, out / "recipe.yaml")
    atomic_text(out / "pretrain.log", "".join(line + "\n" for line in run.lines))
    arrays = {name: to_numpy(value) for name, value in run.module.named_parameters()}
    vocabulary = (out / "vocab.txt").read_text(encoding="utf-8").splitlines()
    write_checkpoint(out, arrays, _config(run.recipe, vocabulary), None, "pytorch")
    atomic_text(out / "SHA256SUMS", "".join(f"{sha256_file(out / name)}  {name}\n" for name in FILES))
    (out / STATE).unlink(missing_ok=True)


def pretrain(recipe: Path | Recipe, out: Path, *, threads: int = 1) -> Path:
    """Train vocabulary and weights by a recipe and write a checkpoint in the original layout.

    The same recipe gives the same bytes on one machine with the same number of threads. An interrupted run resumes
    from its last saved state when called again with the same folder.

    Args:
        recipe: a recipe or the path of its YAML file.
        out: folder for ``model.safetensors``, ``config.json``, ``vocab.txt``, ``recipe.yaml``, ``pretrain.log`` and
            ``SHA256SUMS``.
        threads: compute threads.

    Returns:
        ``out``.

    Raises:
        InputError: the recipe is wrong, or ``out`` holds the unfinished state of another one.
    """
    path = None if isinstance(recipe, Recipe) else recipe
    content = recipe if isinstance(recipe, Recipe) else read_recipe(recipe)
    begun = time.monotonic()
    setup(device="cpu", threads=threads, seed=content.seed)
    out.mkdir(parents=True, exist_ok=True)
    run = _start(content, out)
    _resume(run)
    started_at, before = run.done, 0
    for number, stage in enumerate(content.stages):
        if run.done < before + stage.steps:
            _run_stage(run, number, before, begun, started_at)
        before += stage.steps
    _finish(run, path, time.monotonic() - begun)
    return out
