"""Reference values of losses, optimisers and schedules, in double precision.

Run `python packages/training/goldens/objectives.py` (torch, numpy) to write objectives.golden.json beside this file; the
tests read that file. Losses and optimisers are PyTorch's; LAMB, which PyTorch lacks, is written out from algorithm 2 of
arXiv:1904.00962, and focal loss from equation 5 of arXiv:1708.02002.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(7)


def draw(*shape, scale=2.0):
    # float32 values, so that both sides start from the same numbers.
    values = (torch.rand(*shape, generator=generator) * 2 - 1) * scale
    return values.float().double()


def flat(tensor):
    return [float(v) for v in tensor.detach().reshape(-1)]


def loss_case(name, spec, output, function, labels=None, target=None):
    x = output.clone().requires_grad_(True)
    value = function(x)
    (gradient,) = torch.autograd.grad(value, x)
    case = {
        "name": name,
        "spec": spec,
        "shape": list(output.shape),
        "output": flat(output),
        "value": float(value.detach()),
        "gradient": flat(gradient),
    }
    if labels is not None:
        case["labels"] = [int(v) for v in labels.reshape(-1)]
        case["labelShape"] = list(labels.shape)
    if target is not None:
        case["target"] = flat(target)
    return case


def focal(x, labels, gamma, alpha):
    log = F.log_softmax(x, 1).gather(1, labels[:, None])[:, 0]
    factor = torch.tensor(alpha)[labels] if alpha else 1.0
    return (-factor * (1 - log.exp()) ** gamma * log).mean()


def binary_focal(x, y, gamma, alpha):
    p = torch.sigmoid(x)
    p_t = y * p + (1 - y) * (1 - p)
    entropy = F.binary_cross_entropy_with_logits(x, y, reduction="none")
    factor = alpha * y + (1 - alpha) * (1 - y) if alpha is not None else 1.0
    return (factor * (1 - p_t) ** gamma * entropy).mean()


def triplets(x, labels, margin):
    terms = []
    n = len(labels)
    for a in range(n):
        for p in range(n):
            for m in range(n):
                if a != p and labels[a] == labels[p] and labels[a] != labels[m]:
                    terms.append(F.triplet_margin_loss(x[a : a + 1], x[p : p + 1], x[m : m + 1], margin, eps=0))
    return torch.stack(terms).mean()


def losses():
    logits = draw(6, 4, scale=3)
    labels = torch.tensor([2, 0, 1, 1, 3, 0])
    weights = [0.5, 2.0, 1.0, 0.25]
    w = torch.tensor(weights)
    ignored = torch.tensor([2, -100, 1, 1, -100, 0])
    maps, map_labels = draw(2, 3, 2, 4), torch.randint(0, 3, (2, 2, 4), generator=generator)
    holed = map_labels.clone()
    holed[0, 1, 2] = holed[1, 0, 0] = 255
    sequence, sequence_labels = draw(3, 5, 4), torch.randint(0, 4, (3, 5), generator=generator)
    real = draw(5, 3)
    target, bits = draw(5, 3), (torch.rand(5, 3, generator=generator) > 0.5).double()
    embeddings, groups = draw(7, 3), torch.tensor([0, 1, 0, 2, 1, 0, 2])
    ce = F.cross_entropy
    bce = F.binary_cross_entropy_with_logits
    kind = "cross-entropy"
    yield loss_case("cross-entropy", {"kind": kind}, logits, lambda x: ce(x, labels), labels)
    yield loss_case(
        "cross-entropy, smoothed",
        {"kind": kind, "labelSmoothing": 0.2},
        logits,
        lambda x: ce(x, labels, label_smoothing=0.2),
        labels,
    )
    yield loss_case(
        "cross-entropy, class weights",
        {"kind": kind, "classWeights": weights},
        logits,
        lambda x: ce(x, labels, w),
        labels,
    )
    yield loss_case(
        "cross-entropy, ignored labels",
        {"kind": kind, "ignoreIndex": -100},
        logits,
        lambda x: ce(x, ignored),
        ignored,
    )
    yield loss_case(
        "cross-entropy, all three",
        {"kind": kind, "labelSmoothing": 0.1, "classWeights": weights, "ignoreIndex": -100},
        logits,
        lambda x: ce(x, ignored, w, label_smoothing=0.1),
        ignored,
    )
    yield loss_case("cross-entropy of maps", {"kind": kind}, maps, lambda x: ce(x, map_labels), map_labels)
    yield loss_case(
        "cross-entropy of maps with holes",
        {"kind": kind, "ignoreIndex": 255, "classWeights": [1.0, 3.0, 0.5]},
        maps,
        lambda x: ce(x, holed, torch.tensor([1.0, 3.0, 0.5]), ignore_index=255),
        holed,
    )
    yield loss_case(
        "cross-entropy of sequences, classes last",
        {"kind": kind, "classAxis": "last"},
        sequence,
        lambda x: ce(x.transpose(1, 2), sequence_labels),
        sequence_labels,
    )
    yield loss_case("mse", {"kind": "mse"}, real, lambda x: F.mse_loss(x, target), target=target)
    yield loss_case("mae", {"kind": "mae"}, real, lambda x: F.l1_loss(x, target), target=target)
    yield loss_case("huber", {"kind": "huber"}, real, lambda x: F.huber_loss(x, target), target=target)
    yield loss_case(
        "huber, delta 0.3",
        {"kind": "huber", "delta": 0.3},
        real,
        lambda x: F.huber_loss(x, target, delta=0.3),
        target=target,
    )
    binary = "binary-cross-entropy"
    yield loss_case("binary cross-entropy", {"kind": binary}, real, lambda x: bce(x, bits), target=bits)
    yield loss_case(
        "binary cross-entropy, positive weight",
        {"kind": binary, "positiveWeight": 2.5},
        real,
        lambda x: bce(x, bits, pos_weight=torch.tensor(2.5)),
        target=bits,
    )
    yield loss_case("focal", {"kind": "focal"}, logits, lambda x: focal(x, labels, 2, None), labels)
    yield loss_case(
        "focal, gamma 0.5, alpha",
        {"kind": "focal", "gamma": 0.5, "alpha": weights},
        logits,
        lambda x: focal(x, labels, 0.5, weights),
        labels,
    )
    yield loss_case(
        "binary focal", {"kind": "binary-focal"}, real, lambda x: binary_focal(x, bits, 2, None), target=bits
    )
    yield loss_case(
        "binary focal, gamma 0.5, alpha 0.25",
        {"kind": "binary-focal", "gamma": 0.5, "alpha": 0.25},
        real,
        lambda x: binary_focal(x, bits, 0.5, 0.25),
        target=bits,
    )
    yield loss_case("hinge", {"kind": "hinge"}, logits, lambda x: F.multi_margin_loss(x, labels), labels)
    yield loss_case(
        "hinge, squared, margin 0.7",
        {"kind": "hinge", "margin": 0.7, "power": 2},
        logits,
        lambda x: F.multi_margin_loss(x, labels, p=2, margin=0.7),
        labels,
    )
    one = torch.ones(5)
    yield loss_case(
        "cosine", {"kind": "cosine"}, real, lambda x: F.cosine_embedding_loss(x, target, one), target=target
    )
    yield loss_case(
        "triplet",
        {"kind": "triplet", "margin": 0.5},
        embeddings,
        lambda x: triplets(x, groups, 0.5),
        groups,
    )
    # Repeated labels, a sample with one label, one with none, one whose labels do not fit into the time.
    times = draw(5, 7, 4, scale=3)
    words = torch.tensor([[1, 1, 2, 3], [3, 2, 1, -1], [2, -1, -1, -1], [-1, -1, -1, -1], [1, 1, 1, 1]])
    lengths = torch.tensor([4, 3, 1, 0, 4])
    full = torch.full((5,), 7)

    def ctc(x, blank, words):
        log = F.log_softmax(x, 2).transpose(0, 1)
        return F.ctc_loss(log, words.clamp(min=0), full, lengths, blank=blank, zero_infinity=True)

    yield loss_case("ctc", {"kind": "ctc", "labels": 4}, times, lambda x: ctc(x, 0, words), words)
    short = times[:, :6]
    full6 = torch.full((5,), 6)

    def ctc_short(x):
        log = F.log_softmax(x, 2).transpose(0, 1)
        return F.ctc_loss(log, words.clamp(min=0), full6, lengths, blank=0, zero_infinity=True)

    yield loss_case("ctc, labels that do not fit", {"kind": "ctc", "labels": 4}, short, ctc_short, words)
    shifted = torch.where(words > 0, words - 1, words)
    yield loss_case(
        "ctc, blank last",
        {"kind": "ctc", "labels": 4, "blank": 3},
        times,
        lambda x: ctc(x, 3, shifted),
        shifted,
    )


SIZES = [3, 4]
STEPS = 6
RATES = [0.1, 0.1, 0.05, 0.05, 0.02, 0.02]
start = [draw(n, scale=1.0) for n in SIZES]
gradients = [[draw(n, scale=1.0) for n in SIZES] for _ in range(STEPS)]


def run_torch(build):
    parameters = [p.clone().requires_grad_(True) for p in start]
    optimizer = build(parameters)
    path = []
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATES[step] * group.get("factor", 1.0)
        for p, g in zip(parameters, gradients[step]):
            p.grad = g.clone()
        optimizer.step()
        path.append([v for p in parameters for v in flat(p)])
    return path


def run_lamb(decay, epsilon=1e-6, b1=0.9, b2=0.999):
    parameters = [p.clone() for p in start]
    m = [torch.zeros_like(p) for p in start]
    v = [torch.zeros_like(p) for p in start]
    path = []
    for step in range(STEPS):
        for i, p in enumerate(parameters):
            g = gradients[step][i]
            m[i] = b1 * m[i] + (1 - b1) * g
            v[i] = b2 * v[i] + (1 - b2) * g * g
            r = (m[i] / (1 - b1 ** (step + 1))) / ((v[i] / (1 - b2 ** (step + 1))).sqrt() + epsilon)
            # The second parameter is a bias: no decay.
            u = r + (decay if i == 0 else 0.0) * p
            ratio = float(p.norm() / u.norm()) if p.norm() > 0 and u.norm() > 0 else 1.0
            parameters[i] = p - RATES[step] * ratio * u
        path.append([x for p in parameters for x in flat(p)])
    return path


def optimizers():
    o = torch.optim
    # Weight decay touches the first parameter (a weight), not the second (a bias).
    groups = lambda ps, decay: [{"params": [ps[0]], "weight_decay": decay}, {"params": [ps[1]], "weight_decay": 0.0}]
    rate = {"learningRate": 0.1}
    cases = {
        "sgd": ({"name": "sgd", **rate, "momentum": 0}, lambda ps: o.SGD(ps, lr=0.1)),
        "sgd, momentum, decay": (
            {"name": "sgd", **rate, "momentum": 0.9, "weightDecay": 0.05},
            lambda ps: o.SGD(groups(ps, 0.05), lr=0.1, momentum=0.9),
        ),
        "sgd, nesterov": (
            {"name": "sgd", **rate, "momentum": 0.8, "nesterov": True},
            lambda ps: o.SGD(ps, lr=0.1, momentum=0.8, nesterov=True),
        ),
        "sgd, dampening": (
            {"name": "sgd", **rate, "momentum": 0.8, "dampening": 0.3},
            lambda ps: o.SGD(ps, lr=0.1, momentum=0.8, dampening=0.3),
        ),
        "adam, decay": (
            {"name": "adam", **rate, "weightDecay": 0.05},
            lambda ps: o.Adam(groups(ps, 0.05), lr=0.1),
        ),
        "adam, amsgrad-free constants": (
            {"name": "adam", **rate, "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-3},
            lambda ps: o.Adam(ps, lr=0.1, betas=(0.8, 0.9), eps=1e-3),
        ),
        "adamw, decay": (
            {"name": "adamw", **rate, "weightDecay": 0.05},
            lambda ps: o.AdamW(groups(ps, 0.05), lr=0.1),
        ),
        "rmsprop": ({"name": "rmsprop", **rate}, lambda ps: o.RMSprop(ps, lr=0.1)),
        "rmsprop, centred, momentum, decay": (
            {"name": "rmsprop", **rate, "alpha": 0.9, "epsilon": 1e-4, "centered": True, "momentum": 0.7,
             "weightDecay": 0.05},
            lambda ps: o.RMSprop(groups(ps, 0.05), lr=0.1, alpha=0.9, eps=1e-4, centered=True, momentum=0.7),
        ),
        "adagrad": ({"name": "adagrad", **rate}, lambda ps: o.Adagrad(ps, lr=0.1)),
        "adagrad, lrDecay, initial, decay": (
            {"name": "adagrad", **rate, "lrDecay": 0.1, "initialAccumulator": 0.2, "epsilon": 1e-6,
             "weightDecay": 0.05},
            lambda ps: o.Adagrad(groups(ps, 0.05), lr=0.1, lr_decay=0.1, initial_accumulator_value=0.2, eps=1e-6),
        ),
        "sgd, groups": (
            {"name": "sgd", **rate, "momentum": 0.9, "weightDecay": 0.05,
             "groups": [{"match": ["b*"], "learningRateFactor": 0.1, "weightDecay": 0.2}]},
            lambda ps: o.SGD(
                [{"params": [ps[0]], "weight_decay": 0.05},
                 {"params": [ps[1]], "weight_decay": 0.2, "factor": 0.1}], lr=0.1, momentum=0.9),
        ),
    }
    for name, (spec, build) in cases.items():
        yield {"name": name, "spec": spec, "path": run_torch(build)}
    yield {"name": "lamb", "spec": {"name": "lamb", **rate, "weightDecay": 0}, "path": run_lamb(0.0)}
    yield {"name": "lamb, decay", "spec": {"name": "lamb", **rate, "weightDecay": 0.05}, "path": run_lamb(0.05)}


def rates(build, steps):
    p = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([p], lr=2.0)
    scheduler = build(optimizer)
    out = []
    for _ in range(steps):
        out.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return out


def schedules():
    s = torch.optim.lr_scheduler
    # One step an epoch where PyTorch counts epochs.
    yield {
        "name": "step",
        "spec": {"name": "step", "everyEpochs": 3, "factor": 0.5},
        "rates": rates(lambda o: s.StepLR(o, 3, 0.5), 12),
    }
    yield {
        "name": "milestones",
        "spec": {"name": "step", "milestones": [2, 7], "factor": 0.1},
        "rates": rates(lambda o: s.MultiStepLR(o, [2, 7], 0.1), 12),
    }
    yield {
        "name": "exponential",
        "spec": {"name": "exponential", "factor": 0.9},
        "rates": rates(lambda o: s.ExponentialLR(o, 0.9), 12),
    }
    # PyTorch reaches its last value after the last of 11 steps: the twelfth rate.
    yield {
        "name": "polynomial",
        "spec": {"name": "polynomial", "power": 2},
        "rates": rates(lambda o: s.PolynomialLR(o, 11, 2), 12),
    }
    yield {
        "name": "linear",
        "spec": {"name": "polynomial", "finalFraction": 0.25},
        "rates": rates(lambda o: s.LinearLR(o, 1.0, 0.25, 11), 12),
    }
    yield {
        "name": "cosine",
        "spec": {"name": "cosine", "finalFraction": 0.1},
        "rates": rates(lambda o: s.CosineAnnealingLR(o, 11, 0.2), 12),
    }
    yield {
        "name": "one-cycle",
        "spec": {"name": "one-cycle"},
        "rates": rates(lambda o: s.OneCycleLR(o, 2.0, total_steps=13, cycle_momentum=False), 12) + [
            2.0 / 25 / 1e4
        ],
    }
    yield {
        "name": "one-cycle, linear, early peak",
        "spec": {"name": "one-cycle", "riseFraction": 0.2, "startFraction": 0.1, "finalFraction": 0.01,
                 "shape": "linear"},
        "rates": rates(
            lambda o: s.OneCycleLR(o, 2.0, total_steps=21, cycle_momentum=False, pct_start=0.2, div_factor=10,
                                   final_div_factor=10, anneal_strategy="linear"), 20) + [0.02],
    }
    losses = [1.0, 0.9, 0.9, 0.91, 0.92, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.49, 0.6, 0.6, 0.6, 0.6]
    p = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([p], lr=2.0)
    plateau = s.ReduceLROnPlateau(optimizer, factor=0.5, patience=2, cooldown=1, threshold=0.01, threshold_mode="abs",
                                  min_lr=0.1, eps=0)
    path = []
    for loss in losses:
        plateau.step(loss)
        path.append(optimizer.param_groups[0]["lr"])
    yield {
        "name": "plateau",
        "spec": {"name": "plateau", "factor": 0.5, "patience": 2, "cooldown": 1, "minDelta": 0.01,
                 "finalFraction": 0.05},
        "losses": losses,
        "rates": path,
    }


def adversarial():
    """Losses of both sides and their gradients by the parameters, with a dense and with a convolutional discriminator."""
    batch = 3
    noise, between = draw(batch, 2, scale=1.0), draw(batch, scale=0.5) + 0.5
    for shape in ("dense", "conv"):
        sample = [5] if shape == "dense" else [1, 4, 4]
        size = math.prod(sample)
        real = draw(batch, *sample, scale=1.0)
        g = {"g.w": draw(2, size, scale=0.7), "g.b": draw(size, scale=0.3)}
        if shape == "dense":
            d = {"d.w1": draw(5, 4, scale=0.8), "d.b1": draw(4, scale=0.3)}
        else:
            d = {"d.w1": draw(2, 1, 3, 3, scale=0.5), "d.b1": draw(2, scale=0.3)}
        width = 4 if shape == "dense" else 8
        d |= {"d.w2": draw(width, 1, scale=0.8), "d.b2": draw(1, scale=0.3)}
        for p in [*g.values(), *d.values()]:
            p.requires_grad_(True)

        def generate():
            return torch.tanh(noise @ g["g.w"] + g["g.b"]).reshape(batch, *sample)

        def judge(x):
            if shape == "dense":
                h = torch.tanh(x @ d["d.w1"] + d["d.b1"])
            else:
                h = F.leaky_relu(F.conv2d(x, d["d.w1"], d["d.b1"], stride=2, padding=1), 0.2).flatten(1)
            return h @ d["d.w2"] + d["d.b2"]

        def penalty():
            share = between.reshape(batch, *[1 for _ in sample])
            point = (share * real + (1 - share) * generate()).detach().requires_grad_(True)
            (slope,) = torch.autograd.grad(judge(point).sum(), point, create_graph=True)
            return ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()

        for kind in ("non-saturating", "hinge", "wasserstein"):
            fake = generate()
            a, b = judge(real), judge(fake.detach())
            bce = F.binary_cross_entropy_with_logits
            if kind == "non-saturating":
                loss = bce(a, torch.ones_like(a)) + bce(b, torch.zeros_like(b))
                other = bce(judge(fake), torch.ones_like(b))
            elif kind == "hinge":
                loss = F.relu(1 - a).mean() + F.relu(1 + b).mean()
                other = -judge(fake).mean()
            else:
                loss = b.mean() - a.mean() + 10 * penalty()
                other = -judge(fake).mean()
            by_d = torch.autograd.grad(loss, list(d.values()))
            by_g = torch.autograd.grad(other, list(g.values()))
            yield {
                "name": f"{kind}, {shape}",
                "kind": kind,
                "shape": sample,
                "noise": flat(noise),
                "real": flat(real),
                "between": flat(between),
                "parameters": {name: {"dims": list(p.shape), "values": flat(p)} for name, p in (g | d).items()},
                "discriminator": {"loss": float(loss.detach()), "gradients": dict(zip(d, map(flat, by_d)))},
                "generator": {"loss": float(other.detach()), "gradients": dict(zip(g, map(flat, by_g)))},
            }


def main():
    golden = {
        "torch": torch.__version__.split("+")[0],
        "losses": list(losses()),
        "optimizers": {
            "sizes": SIZES,
            "rates": RATES,
            "start": [v for p in start for v in flat(p)],
            "gradients": [[v for g in step for v in flat(g)] for step in gradients],
            "cases": list(optimizers()),
        },
        "schedules": list(schedules()),
        "adversarial": list(adversarial()),
    }
    path = pathlib.Path(__file__).with_suffix(".golden.json")
    path.write_text(json.dumps(golden, indent=None, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
