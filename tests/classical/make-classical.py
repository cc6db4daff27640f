"""Classical models as their own tools export them, with what ONNX Runtime's Python package answers.

    python -m venv venv && venv/bin/pip install scikit-learn skl2onnx onnxmltools lightgbm xgboost onnxruntime
    venv/bin/python tests/classical/make-classical.py tests/classical/cases

Writes NAME.onnx and answers.json: for each model the rows that it was given and every output. Maps are written as
{"maps": {class: [score of each row]}}, tensors as {"dtype", "dims", "data"}. Of classifiers of iris also how many of the
150 rows are right, by the label that the model answers ("label") and by its largest score ("score"). iris.csv holds the 150 rows that
scikit-learn brings along (public domain), with the names of the species as labels.
"""
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingRegressor, IsolationForest, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType

out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
iris = load_iris()
X = iris.data.astype(np.float32)
y = iris.target.astype(np.int64)
names = iris.target_names[y].astype(object)
rows = X[[0, 25, 50, 75, 100, 125, 149]]
answers = {}


def described(value):
    if isinstance(value, list):  # a sequence of maps
        return {"maps": {str(k): [float(row[k]) for row in value] for k in value[0]}}
    data = value.reshape(-1).tolist()
    return {"dtype": "string" if value.dtype == object else str(value.dtype), "dims": list(value.shape), "data": data}


def add(name, model, feeds=None, truth=None, classes=(0, 1, 2)):
    content = model.SerializeToString()
    (out / f"{name}.onnx").write_bytes(content)
    session = ort.InferenceSession(content, providers=["CPUExecutionProvider"])
    feeds = feeds or {session.get_inputs()[0].name: rows}
    found = session.run(None, feeds)
    right = {}
    if truth is not None:
        label, scores = session.run(None, {session.get_inputs()[0].name: X})[:2]
        right["label"] = int((label.reshape(-1) == truth).sum())
        if isinstance(scores, list):
            right["score"] = int(sum(max(row, key=row.get) == t for row, t in zip(scores, truth)))
        elif scores.shape == (150, 3):
            right["score"] = int((np.array(classes)[scores.argmax(1)] == truth).sum())
    answers[name] = {
        **({"right": right} if right else {}),
        "feeds": {k: described(np.asarray(v)) for k, v in feeds.items()},
        "outputs": {o.name: described(v) for o, v in zip(session.get_outputs(), found)},
    }


def sk(name, estimator, target, **options):
    judged = options.pop("judged", False)
    model = to_onnx(estimator.fit(X, target), X[:1], target_opset=options.pop("opset", {"": 18, "ai.onnx.ml": 3}), **options)
    add(name, model, truth=target if judged else None)


np.random.seed(0)
sk("logistic", LogisticRegression(max_iter=500), y, judged=True)
sk("forest-strings", RandomForestClassifier(n_estimators=5, max_depth=3, random_state=0), names, judged=True)
sk("tree-plain", DecisionTreeClassifier(max_depth=3, random_state=0), y, options={"zipmap": False}, judged=True)
sk("knn", KNeighborsClassifier(3), names, judged=True)
sk("svc", SVC(probability=True, random_state=0), names, judged=True)
sk("mlp", make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=400, random_state=0)), y, judged=True)
sk("boosting-regressor", GradientBoostingRegressor(n_estimators=5, max_depth=2, random_state=0), X[:, 0])
sk("ridge", Ridge(), X[:, 0])
sk("kmeans", KMeans(3, n_init=1, random_state=0), y)
sk("isolation", IsolationForest(n_estimators=4, max_samples=16, random_state=0), y)

mixed = [[float(a), "wide" if b > 3 else "narrow"] for a, b in zip(X[:, 2], X[:, 1])]
columns = ColumnTransformer([("number", StandardScaler(), [0]), ("word", OneHotEncoder(), [1])])
pipe = make_pipeline(columns, LogisticRegression(max_iter=500)).fit(np.array(mixed, dtype=object), names)
from skl2onnx import convert_sklearn  # noqa: E402

pick = [mixed[i] for i in (0, 60, 149)]
add(
    "columns",
    convert_sklearn(
        pipe,
        initial_types=[("length", FloatTensorType([None, 1])), ("width", StringTensorType([None, 1]))],
        target_opset=18,
    ),
    {
        "length": np.array([[row[0]] for row in pick], dtype=np.float32),
        "width": np.array([[row[1]] for row in pick], dtype=object),
    },
)

import lightgbm as lgb  # noqa: E402
import onnxmltools  # noqa: E402
import xgboost as xgb  # noqa: E402
from onnxmltools.convert.common.data_types import FloatTensorType as FT  # noqa: E402

types = [("input", FT([None, 4]))]
gbm = lgb.LGBMClassifier(n_estimators=4, max_depth=3, num_leaves=7, verbose=-1, random_state=0)
add("lightgbm", onnxmltools.convert_lightgbm(gbm.fit(X, y), initial_types=types, target_opset=15), truth=y)
two = lgb.LGBMClassifier(n_estimators=4, max_depth=3, num_leaves=7, verbose=-1, random_state=0)
add("lightgbm-binary", onnxmltools.convert_lightgbm(two.fit(X, (y == 2).astype(int)), initial_types=types, target_opset=15))
boost = xgb.XGBClassifier(n_estimators=4, max_depth=3, random_state=0)
add("xgboost", onnxmltools.convert_xgboost(boost.fit(X, y), initial_types=types, target_opset=15), truth=y)
reg = xgb.XGBRegressor(n_estimators=4, max_depth=3, random_state=0)
add("xgboost-regressor", onnxmltools.convert_xgboost(reg.fit(X, X[:, 0]), initial_types=types, target_opset=15))

(out / "answers.json").write_text(json.dumps(answers) + "\n")
lines = ["sepal_length,sepal_width,petal_length,petal_width,species"]
lines += [",".join([*(repr(round(float(v), 1)) for v in row), str(name)]) for row, name in zip(X, names)]
(out / "iris.csv").write_text("\n".join(lines) + "\n")
