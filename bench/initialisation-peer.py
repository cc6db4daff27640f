"""The DS-CNN of the initialisation benchmark, built and trained by PyTorch as its own modules start.

    python initialisation-peer.py FOLDER < plan.json      # prints {"validation": share, "test": share}

FOLDER has train.x, train.y, validation.x, ... as raw float32 and int32. What the plan leaves open is as in `fit`: weight decay on
weights only, a warm-up of one epoch and a cosine over the rest, the incomplete batch of each epoch left out.
"""
import array
import json
import math
import pathlib
import sys

import torch
from torch import nn

plan = json.load(sys.stdin)
folder = pathlib.Path(sys.argv[1])
torch.manual_seed(plan['seed'])
torch.set_num_threads(1)


def part(name):
    x, y = array.array('f'), array.array('i')
    x.frombytes((folder / f'{name}.x').read_bytes())
    y.frombytes((folder / f'{name}.y').read_bytes())
    return torch.tensor(x).reshape(-1, *plan['shape']), torch.tensor(y, dtype=torch.int64)


def unit(inside, outside, kernel, stride=1, groups=1):
    conv = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(outside), nn.ReLU()]


p = plan['params']
layers = unit(plan['shape'][0], p['stem'], 3, p['stemStride'])
width = p['stem']
for channels, stride in zip(p['channels'], p['strides']):
    layers += unit(width, width, 3, stride, width) + unit(width, channels, 1)
    width = channels
layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(p['dropout']), nn.Linear(width, plan['classes'])]
model = nn.Sequential(*layers)

weights = [w for w in model.parameters() if w.dim() > 1]
others = [w for w in model.parameters() if w.dim() == 1]
groups = [{'params': weights, 'weight_decay': plan['weightDecay']}, {'params': others, 'weight_decay': 0}]
optimizer = torch.optim.AdamW(groups, lr=plan['learningRate'])
x, y = part('train')
steps = len(y) // plan['batchSize']
total = steps * plan['epochs']


def rate(step):
    return (step + 1) / steps if step < steps else (1 + math.cos(math.pi * (step - steps) / (total - steps))) / 2


schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
loss = nn.CrossEntropyLoss(label_smoothing=plan['labelSmoothing'])
for _ in range(plan['epochs']):
    model.train()
    order = torch.randperm(len(y))
    for i in range(steps):
        batch = order[i * plan['batchSize'] : (i + 1) * plan['batchSize']]
        optimizer.zero_grad()
        loss(model(x[batch]), y[batch]).backward()
        optimizer.step()
        schedule.step()
model.eval()


def accuracy(name):
    x, y = part(name)
    with torch.no_grad():
        return (model(x).argmax(1) == y).double().mean().item()


print(json.dumps({'validation': accuracy('validation'), 'test': accuracy('test')}))
