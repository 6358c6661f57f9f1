"""Writes optimizers.json: updates by PyTorch's optimizers, in float64, for tests/nce/nn/golden_optimizers_test.ts.

    python3 tests/golden/optimizers.py

Each case has the initial values of a parameter [rows, width], and for each step the learning rate, the gradient,
and the parameter afterwards. A dense gradient lists all rows; a sparse one lists `ids`, in which a row may occur
twice, and a row of `values` for each; null is a step that gives the parameter no gradient.
"""

import json
import os

import torch

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)
STEPS = 6


def numbers(*shape, scale=1.0):
    """Random numbers that float32 holds exactly."""
    return (scale * torch.randn(*shape, dtype=torch.float32)).double()


def case(name, make, rows, width, sparse, clip=None, pause=None, scale=1.0, **options):
    parameter = torch.nn.Parameter(numbers(rows, width))
    optimizer = make([parameter], lr=options["lr"], **options.get("torch", {}))
    init, steps = parameter.tolist(), []
    for i in range(STEPS):
        lr = optimizer.param_groups[0]["lr"] = options["lr"] / (1 + i // 3)
        gradient, parameter.grad = None, None
        if i != pause:
            # The last row never gets a gradient.
            values, ids = numbers(rows, width, scale=scale), torch.randint(rows - 1, (rows,))
            gradient = {"values": values.tolist(), **({"ids": ids.tolist()} if sparse else {})}
            parameter.grad = torch.sparse_coo_tensor(ids[None], values, (rows, width)) if sparse else values
        if clip is not None:
            torch.nn.utils.clip_grad_norm_([parameter], clip)
        optimizer.step()
        steps.append({"lr": lr, "gradient": gradient, "after": parameter.tolist()})
    ours = {key: value for key, value in options.items() if key not in ("lr", "torch")}
    if clip is not None:
        ours["clip"] = clip
    return {"name": name, "options": ours, "init": init, "steps": steps}


optim = torch.optim
decay = {"weightDecay": 0.1, "torch": {"weight_decay": 0.1}}
betas = {"beta1": 0.5, "beta2": 0.9, "torch": {"betas": (0.5, 0.9)}}
cases = [
    case("Adagrad", optim.Adagrad, 5, 3, False, lr=0.3),
    case("Adagrad", optim.Adagrad, 4, 4, False, clip=0.5, lr=0.3, **decay),
    case("Adagrad", optim.Adagrad, 7, 3, True, lr=0.3),
    case("Adagrad", optim.Adagrad, 6, 8, True, pause=2, lr=0.3),
    case("Adam", optim.Adam, 5, 3, False, pause=2, lr=0.1),
    case("Adam", optim.Adam, 4, 4, False, clip=0.5, lr=0.1, **decay),
    case("Adam", optim.Adam, 4, 4, False, lr=0.1, **betas),
    case("Adam", optim.SparseAdam, 7, 3, True, pause=2, lr=0.1),
    case("Adam", optim.SparseAdam, 6, 8, True, lr=0.1, **betas),
    # Gradients so small that the number added to the root counts.
    case("Adagrad", optim.Adagrad, 4, 4, False, scale=1e-10, lr=0.3),
    case("Adam", optim.Adam, 4, 4, False, scale=1e-8, lr=0.1),
    case("Adam", optim.SparseAdam, 4, 4, True, scale=1e-8, lr=0.1),
]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "optimizers.json"), "w") as file:
    file.write(json.dumps(cases, separators=(",", ":")) + "\n")
