"""Nodes that onnxsim and onnxslim leave of each model of a folder.

    python peers.py FOLDER

Writes FOLDER/peers.json: {"NAME": {"onnxsim": 45, "onnxslim": 44}}; null where the tool fails or takes longer than a minute. Constants
are not counted. What is there already is kept.
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


def main(folder):
    answers = folder / "peers.json"
    found = json.loads(answers.read_text()) if answers.exists() else {}
    for path in sorted(folder.glob("*.onnx")):
        if path.stem not in found:
            found[path.stem] = {tool: nodes(tool, str(path)) for tool in ("onnxsim", "onnxslim")}
            answers.write_text(json.dumps(found, indent=1) + "\n")
        print(path.stem, found[path.stem], flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
