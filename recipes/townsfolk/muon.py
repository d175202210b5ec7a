"""Muon, momentum with an orthogonalised update, for matrices, and AdamW for everything else.

K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024). A convolution
is treated as the matrix (out, in * height * width). torch's own Muon accepts only two-dimensional
parameters and computes in bfloat16, which is slow on most CPUs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

QUINTIC = (3.4445, -4.7750, 2.0315)  # from the paper; singular values end up in about [0.7, 1.2]


def orthogonalised(matrix: torch.Tensor, iterations: int = 5) -> torch.Tensor:
    """Approximate U V^T of `matrix` = U S V^T with a quintic Newton-Schulz iteration.

    The iteration multiplies from the left by polynomials of the Gram matrix. It therefore runs on
    that small square matrix and multiplies the wide matrix only once, at the end.
    """
    a, b, c = QUINTIC
    x = matrix / (matrix.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    gram = x @ x.T
    identity = torch.eye(len(gram), dtype=x.dtype, device=x.device)
    product = identity
    for _ in range(iterations):
        factor = a * identity + b * gram + c * gram @ gram
        product = factor @ product
        gram = factor @ gram @ factor
    x = product @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Muon for the matrices inside a network, AdamW for its first and last layers and vectors.

    A layer counts as first or last if it has at most `outer` channels on one side. `lr` applies to
    the orthogonalised update, `adam_lr` to AdamW; each group stores its rate as `peak`, so that a
    schedule can scale it.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        lr: float,
        adam_lr: float,
        outer: int,
        weight_decay: float = 0.0,
    ) -> None:
        matrices, others = [], []
        for parameter in model.parameters():
            hidden = parameter.ndim >= 2 and min(parameter.shape[:2]) > outer
            (matrices if hidden else others).append(parameter)
        groups = [
            {"params": matrices, "muon": True, "lr": lr, "peak": lr},
            {"params": others, "muon": False, "lr": adam_lr, "peak": adam_lr},
        ]
        super().__init__(groups, {"weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:
        for group in self.param_groups:
            update = self._muon if group["muon"] else self._adam
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.sub_(group["lr"] * update(parameter, self.state[parameter]))

    def _muon(self, parameter: torch.Tensor, state: dict[str, torch.Tensor]) -> torch.Tensor:
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        state["momentum"].lerp_(parameter.grad, 0.05)
        nesterov = parameter.grad.lerp(state["momentum"], 0.95)
        matrix = nesterov.reshape(len(nesterov), -1)
        scale = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
        return scale * orthogonalised(matrix).reshape(parameter.shape)

    def _adam(self, parameter: torch.Tensor, state: dict[str, torch.Tensor]) -> torch.Tensor:
        if not state:
            state["step"] = torch.zeros(())
            state["mean"], state["square"] = (
                torch.zeros_like(parameter),
                torch.zeros_like(parameter),
            )
        state["step"] += 1
        state["mean"].lerp_(parameter.grad, 0.1)
        state["square"].lerp_(parameter.grad.square(), 0.01)
        mean = state["mean"] / (1 - 0.9 ** state["step"])
        square = state["square"] / (1 - 0.99 ** state["step"])
        return mean / (square.sqrt() + 1e-8)
