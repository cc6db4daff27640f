"""The outer step of local SGD as PyTorch's SGD in double precision: writes outer.golden.json."""

import json
import pathlib

import torch

torch.manual_seed(3)
cases = []
for rate, momentum, nesterov in [(0.7, 0.9, True), (0.7, 0.9, False), (1.0, 0.0, False)]:
    start = torch.randn(6, dtype=torch.float64)
    parameters = torch.nn.Parameter(start.clone())
    optimizer = torch.optim.SGD([parameters], lr=rate, momentum=momentum, nesterov=nesterov)
    rounds = []
    for _ in range(4):
        # The shards end where they end, whatever the outer optimiser does with it.
        shards = parameters.detach() - 0.1 * torch.randn(3, 6, dtype=torch.float64)
        parameters.grad = parameters.detach() - shards.mean(dim=0)
        optimizer.step()
        rounds.append({"shards": shards.tolist(), "parameters": parameters.tolist()})
    outer = {"learningRate": rate, "momentum": momentum, "nesterov": nesterov}
    cases.append({"outer": outer, "start": start.tolist(), "rounds": rounds})

target = pathlib.Path(__file__).with_name("outer.golden.json")
target.write_text(json.dumps(cases, indent=1) + "\n")
