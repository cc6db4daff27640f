"""The other side of graph.ts: onnx, onnxsim and onnxslim, one JSON line in, one JSON line out."""

import json
import sys
import time

import onnx


def check(path, rounds):
    """CPU and wall seconds of one load, check and strict shape inference."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(rounds):
        model = onnx.load(path)
        onnx.checker.check_model(model)
        onnx.shape_inference.infer_shapes(model, strict_mode=True)
    return {"cpu": (time.process_time() - cpu) / rounds, "wall": (time.perf_counter() - wall) / rounds}


def count(graph):
    """Nodes, those of subgraphs included."""
    inside = (a.g for node in graph.node for a in node.attribute if a.type == onnx.AttributeProto.GRAPH)
    return len(graph.node) + sum(count(sub) for sub in inside)


def simplify(path, out, tool):
    """Writes the model as the tool simplifies it and counts its nodes; an error is an answer too."""
    model = onnx.load(path)
    try:
        if tool == "onnxsim":
            import onnxsim

            model, ok = onnxsim.simplify(model)
            if not ok:
                return {"error": "its own check failed"}
        else:
            import onnxslim

            model = onnxslim.slim(model)
    except Exception as error:
        return {"error": str(error).strip().split("\n")[0][:160]}
    onnx.save(model, out)
    return {"nodes": count(model.graph)}


COMMANDS = {"check": check, "simplify": simplify}

# The tools print as they please; answers keep a stream of their own.
answers, sys.stdout = sys.stdout, sys.stderr
for line in sys.stdin:
    command = json.loads(line)
    name = command.pop("command")
    answers.write(json.dumps(COMMANDS[name](**command)) + "\n")
    answers.flush()
