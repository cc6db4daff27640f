"""Training steps in PyTorch for the training benchmark: reads commands as JSON lines, answers with JSON lines.

{"network": {...}, "batch": 64, "threads": 1}  builds the network      -> {"parameters": n}
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


def main():
    step = None
    for line in sys.stdin:
        command = json.loads(line)
        if 'network' in command:
            torch.set_num_threads(command['threads'])
            torch.manual_seed(1)
            network, batch = command['network'], command['batch']
            model, _ = build(network['layers'], network['input'])
            model.train()
            optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
            x = torch.randn(batch, *network['input'])
            y = torch.randint(network['classes'], (batch,))
            loss_of = nn.CrossEntropyLoss()

            def step():
                optimizer.zero_grad()
                loss = loss_of(model(x), y)
                loss.backward()
                optimizer.step()
                return loss.item()

            answer = {'parameters': sum(p.numel() for p in model.parameters())}
        elif 'steps' in command:
            cpu, wall, loss = time.process_time(), time.perf_counter(), 0.0
            for _ in range(command['steps']):
                loss = step()
            answer = {'cpu': time.process_time() - cpu, 'wall': time.perf_counter() - wall, 'loss': loss}
        else:
            answer = {'peak': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
        print(json.dumps(answer), flush=True)


main()
