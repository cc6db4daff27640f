"""Training steps in PyTorch for the training benchmark: reads commands as JSON lines, answers with JSON lines.

{"network": {...}, "batch": 64, "threads": 1}  builds the network      -> {"parameters": n}
{"exported": NAME, "batch": 8, "threads": 1}    one of exported_networks.py's -> {"parameters": n, "input": {...}, "output": [8, ...]}
{"steps": n}                                    runs n training steps   -> {"cpu": s, "wall": s, "loss": x}
{"peak": true}                                                          -> {"peak": bytes}
"""
import json
import resource
import sys
import time

import torch
from torch import nn


class Residual(nn.Module):
    def __init__(self, block, skip):
        super().__init__()
        self.block, self.skip = block, skip

    def forward(self, x):
        return self.block(x) + self.skip(x)


class LastState(nn.Module):
    def __init__(self, channels, hidden):
        super().__init__()
        self.gru = nn.GRU(channels, hidden, batch_first=True)

    def forward(self, x):
        return self.gru(x)[1][0]


def build(layers, shape):
    made = []
    for layer in layers:
        if layer == 'norm':
            made.append(nn.BatchNorm2d(shape[0]))
        elif layer == 'relu':
            made.append(nn.ReLU(inplace=True))
        elif layer == 'relu6':
            made.append(nn.ReLU6(inplace=True))
        elif layer == 'global-pool':
            made += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
            shape = [shape[0]]
        elif layer == 'flatten':
            made.append(nn.Flatten())
            shape = [shape[0] * shape[1] * shape[2]]
        elif 'conv' in layer:
            k, s = layer['kernel'], layer.get('stride', 1)
            made.append(nn.Conv2d(shape[0], layer['conv'], k, s, k // 2, groups=layer.get('groups', 1), bias=layer.get('bias', False)))
            shape = [layer['conv'], *((n + 2 * (k // 2) - k) // s + 1 for n in shape[1:])]
        elif 'dense' in layer:
            made.append(nn.Linear(shape[0], layer['dense']))
            shape = [layer['dense']]
        elif 'gru' in layer:
            made.append(LastState(shape[1], layer['gru']))
            shape = [layer['gru']]
        elif 'pool' in layer:
            made.append(nn.MaxPool2d(layer['pool']))
            shape = [shape[0], shape[1] // layer['pool'], shape[2] // layer['pool']]
        else:
            block, after = build(layer['block'], shape)
            skip, _ = build(layer['skip'], shape)
            made.append(Residual(block, skip))
            shape = after
    return nn.Sequential(*made), shape


def steps_of(model, optimizer, loss_of, x, y):
    def step():
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def prepare(command):
    """-> the function that takes a step, and what is told about the network"""
    torch.set_num_threads(command['threads'])
    torch.manual_seed(1)
    batch = command['batch']
    described = {}
    if 'exported' in command:
        from exported_networks import build as exported
        from exported_networks import sample

        model, described = exported(command['exported'], batch)
        x = sample(described)
        with torch.no_grad():
            output = list(model(x).shape)
        described = {'input': described, 'output': output}
    else:
        network = command['network']
        model, _ = build(network['layers'], network['input'])
        model.train()
        x, output = torch.randn(batch, *network['input']), [batch, network['classes']]
    # Logits of classes are compared with one; anything else with numbers of its own shape.
    classes = len(output) == 2
    y = torch.randint(output[1], (batch,)) if classes else torch.randn(output)
    loss_of = nn.CrossEntropyLoss() if classes else nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=command.get('learningRate', 0.01), momentum=0.9)
    parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return steps_of(model, optimizer, loss_of, x, y), {'parameters': parameters, **described}


def main():
    step = None
    for line in sys.stdin:
        command = json.loads(line)
        if 'steps' in command:
            cpu, wall, loss = time.process_time(), time.perf_counter(), 0.0
            for _ in range(command['steps']):
                loss = step()
            answer = {'cpu': time.process_time() - cpu, 'wall': time.perf_counter() - wall, 'loss': loss}
        elif 'threads' in command:
            step, answer = prepare(command)
        else:
            answer = {'peak': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
        print(json.dumps(answer), flush=True)


main()
