"""Nodes that onnxsim and onnxslim leave of each model of a folder.

    python peers.py FOLDER > peers.json

{"NAME": {"onnxsim": 45, "onnxslim": 44}}; null where the tool fails or takes longer than a minute. Constants are not counted.
"""
import json
import multiprocessing
import sys
from pathlib import Path


def count(graph):
    nodes = [n for n in graph.node if n.op_type != "Constant"]
    return len(nodes) + sum(count(a.g) for n in nodes for a in n.attribute if a.HasField("g"))


def simplified(tool, path, answer):
    import onnx

    if tool == "onnxsim":
        import onnxsim

        made = onnxsim.simplify(onnx.load(path))[0]
    else:
        import onnxslim

        made = onnxslim.slim(onnx.load(path))
    answer.put(count(made.graph))


def nodes(tool, path):
    answer = multiprocessing.Queue()
    # Apart: some models end the process of the tool.
    child = multiprocessing.Process(target=simplified, args=(tool, path, answer))
    child.start()
    child.join(60)
    if child.is_alive():
        child.kill()
    return answer.get() if child.exitcode == 0 else None


if __name__ == "__main__":
    found = {}
    for path in sorted(Path(sys.argv[1]).glob("*.onnx")):
        found[path.stem] = {tool: nodes(tool, str(path)) for tool in ("onnxsim", "onnxslim")}
        print(path.stem, found[path.stem], file=sys.stderr, flush=True)
    print(json.dumps(found, indent=1))
