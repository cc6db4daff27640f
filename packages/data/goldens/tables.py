"""Ugly tables and what pandas reads in them, for src/readers/tables.test.ts.

Usage: python packages/data/goldens/tables.py
Each file stands with the options that Verge is given (none: it has to find out) and those that pandas needs for the same. What pandas
reads decides: float32 of the features, the labels, which rows hold gaps, which columns are no numbers.
"""

import base64
import gzip
import io
import json
import pathlib
import warnings

import numpy as np
import pandas as pd

warnings.simplefilter("ignore")
cases = []


def facts(df: pd.DataFrame, label: str | int | None, count: bool) -> dict:
    """What a reader of numbers has to make of a frame."""
    column = df.columns[-1] if label is None else label
    features = df.drop(columns=[column])
    text = [str(c) for c in features.columns if features[c].dtype.kind not in "iufb" and not features[c].isna().all()]
    if text:
        return {"text": text}
    with np.errstate(over="ignore"):
        x = features.to_numpy(np.float64).astype(np.float32)
    y = df[column]
    gone = ~np.isfinite(x).all(axis=1) | y.isna().to_numpy()
    numeric = y.dtype.kind in "iuf"
    labels = [float(v) if numeric else str(v) for v in y[~gone]]
    return {
        "width": x.shape[1],
        "unreadable": int(gone.sum()),
        "x": [float(v) for v in x[~gone].ravel()],
        "labels": labels,
        "number": count,
    }


def case(name, content, pandas=None, *, options=None, label=None, number=False, suffix=".csv"):
    data = content if isinstance(content, bytes) else content.encode()
    df = pd.read_csv(io.BytesIO(data), **(pandas or {}), **({"compression": "gzip"} if suffix.endswith(".gz") else {}))
    add(name, data, df, options, label, number, suffix)


def add(name, data, df, options, label, number, suffix):
    cases.append(
        {
            "name": name,
            "file": base64.b64encode(data).decode(),
            "suffix": suffix,
            **({"options": options} if options else {}),
            "expected": facts(df, label, number),
        }
    )


plain = "a,b,label\n1,2.5,x\n3,-4e-1,y\n+5,.5,x\n"
case("plain", plain)
case("line ends of Windows", plain.replace("\n", "\r\n"))
case("line ends of an old Mac", plain.replace("\n", "\r"))
case("mixed line ends", "a,b,label\r\n1,2,x\n3,4,y\r5,6,x\r\n")
case("no line end at the end", plain[:-1])
case("UTF-8 with a mark", b"\xef\xbb\xbf" + plain.encode())
case("UTF-16 little-endian with a mark", plain.replace("y", "ÿ水").encode("utf-16"), {"encoding": "utf-16"})
case("UTF-16 big-endian with a mark", b"\xfe\xff" + plain.replace("y", "œ").encode("utf-16-be"), {"encoding": "utf-16"})
case("UTF-16 without a mark", plain.encode("utf-16-le"), {"encoding": "utf-16-le"}, options={"encoding": "utf-16le"})
case("Latin-1", "a,b,label\n1,2,café\n3,4,naïve\n".encode("latin-1"), {"encoding": "latin-1"})
case("Latin-1, said", "a,b,label\n1,2,café\n3,4,Ã©\n".encode("latin-1"), {"encoding": "latin-1"}, options={"encoding": "latin-1"})
case("Windows-1252, said", "a,b,label\n1,2,€5\n3,4,“x”\n".encode("cp1252"), {"encoding": "cp1252"}, options={"encoding": "windows-1252"})
case("labels of several scripts", "a,b,label\n1,2,水\n3,4,Ω\n5,6,😀\n")
case("semicolons", plain.replace(",", ";"), {"sep": ";"})
case("tabs", plain.replace(",", "\t"), {"sep": "\t"})
case("bars", plain.replace(",", "|"), {"sep": "|"})
case("another character, said", plain.replace(",", "~"), {"sep": "~"}, options={"delimiter": "~"})
case("runs of spaces", "  a   b label\n 1  2.5  x\n 3 -4    y\n", {"sep": r"\s+"})
case("runs of spaces and tabs, without a header", "1 \t 2.5 0\n3\t4 1\n 5 6 0 \n", {"sep": r"\s+", "header": None})
case("decimal commas", "a;b;label\n1,5;2,25;x\n-3,5;4;y\n", {"sep": ";", "decimal": ","})
case("decimal commas between tabs, without a header", "1,5\t2,25\t0\n3,5\t4,75\t1\n", {"sep": "\t", "decimal": ",", "header": None})
case("decimal commas in quotes, said", 'a,b,label\n"1,5","2,25",x\n"3,5",4,y\n', {"decimal": ","}, options={"decimal": ","})
case("decimal commas and grouped digits, said", "a;b;label\n1.234,5;2;x\n3;4;y\n", {"sep": ";", "decimal": ",", "thousands": "."}, options={"decimal": ",", "thousands": "."})
case("grouped digits, said", 'a,b,label\n"1,234",2,x\n"12,345,678",4,y\n', {"thousands": ","}, options={"thousands": ","})
case("grouped digits, not said", 'a,b,label\n"1,234",2,x\n"2,345",4,y\n')
case("a line sep=", "sep=;\na;b;label\n1;2;x\n3;4;y\n", {"sep": ";", "skiprows": 1})
case("comments before", "# of the lab\n# v2, 2020\na,b,label\n1,2,x\n3,4,y\n", {"comment": "#"})
case("comments between", "#one\na,b,label\n1,2,x\n#1,2,x\n3,4,y\n", {"comment": "#"})
case("comments behind, said", "a,b,label\n1,2,x# sure\n3,4,y#no\n% 5,6,x\n5,6,x\n".replace("% ", "#"), {"comment": "#"}, options={"comment": "#"})
case("comments of another character, said", "% head\na,b,label\n1,2,x\n%1,2,y\n3,4,C#\n", {"comment": "%"}, options={"comment": "%"})
case("a label with a hash", "a,b,label\n1,2,C#\n3,4,F#\n5,6,C\n")
case("numbers in quotes", '"a","b","label"\n"1","2.5","x"\n"3","4","y"\n')
case("labels in quotes", 'a,b,label\n1,2,"big, ""old""\ncat"\n3,4,"dog"\n5,6,do"g\n')
case("a quote within a cell", 'a,b,label\n1,2,5" disk\n3,4,"x"y\n')
case("names in quotes", '"a,1","b\nc",label\n1,2,x\n3,4,y\n')
case("blank lines", "\n\na,b,label\n\n1,2,x\n   \n3,4,y\n\n\n")
case("spaces around numbers", "a,b,label\n 1 , 2.5,x\n3 ,4 ,y\n")
case("forms of numbers", "a,b,label\n1.,+.5,x\n1E5,1e-05,y\n-0,00012,x\n")
case("gaps", "a,b,label\n1,,x\n,2,y\n3,4,z\nNA,5,x\n6,n/a,y\n7,8,z\n#N/A,1,x\nnan,-nan,y\nNULL,null,z\n<NA>,None,x\n")
case("a label that is none", "a,b,label\n1,2,x\n3,4,NA\n5,6,None\n7,8,y\n9,10,\n")
case("gaps of another text, said", "a,b,label\n1,?,x\n?,2,y\n3,4,z\n", {"na_values": "?", "keep_default_na": False}, options={"naValues": ["?"]})
case("short rows", "a,b,label\n1,2,x\n3\n5,6,y\n7,8\n")
case("hexadecimal numbers", "a,b,label\n0x10,2,x\n0x20,4,y\n")
case("numbers with underscores", "a,b,label\n1_000,2,x\n2_000,4,y\n")
case("percents", "a,b,label\n10%,2,x\n20%,4,y\n")
case("dates", "day,b,label\n2020-01-01,2,x\n2020-01-02,4,y\n")
case("infinity", "a,b,label\ninf,2,x\n1,-Infinity,y\n3,4,x\n")
case("beyond float32", "a,b,label\n1e300,2,x\n1,-3.5e38,y\n3,4,x\n3.4e38,1e-50,y\n")
case("more digits than float32 has", "a,b,label\n16777217,0.1,x\n9007199254740993,123456.789,y\n")
case("truth values", "a,b,label\nTrue,2,x\nFalse,4,y\n")
case("truth values in capitals", "a,b,label\nTRUE,2,x\nFALSE,4,y\n")
case("truth values and numbers", "a,b,label\nTrue,2,x\n1,4,y\nTrue,1,x\n")
case("truth values as labels", "a,b,label\n1,2,True\n3,4,False\n5,6,True\n")
case("a header that counts", "0,1,2,3\n5.1,3.5,1.4,0\n4.9,3.0,1.4,1\n6,7,8,0\n")
case("a header that counts, with an index", ",0,1,2\n0,5.1,3.5,0\n1,4.9,3.0,1\n2,6,7,0\n", {"index_col": 0})
case("a header that counts beside a named label", "0,1,2,kind\n5.1,3.5,1,x\n4.9,3.0,2,y\n")
case("no header", "5.1,3.5,0\n4.9,3.0,1\n6,7,0\n", {"header": None})
case("no header, with text as labels", "5.1,3.5,x\n4.9,3.0,y\n6,7,x\n", {"header": None})
case("an index without a name", ",a,b,label\n0,1,2,x\n1,3,4,y\n2,5,6,x\n", {"index_col": 0})
case("a shuffled index", ",a,b,label\n17,1,2,x\n4,3,4,y\n9,5,6,x\n", {"index_col": 0})
case("an index of text", ",a,b,label\nr1,1,2,x\nr2,3,4,y\nr3,5,6,x\n", {"index_col": 0})
case("an index without a place in the header", "a,b,label\nr1,1,2,x\nr2,3,4,y\n")
case("a first column without a name that repeats", ",a,label\n0.5,1,x\n0.5,3,y\n0.25,5,x\n")
case("a comma at the end of each line", "a,b,label,\n1,2,x,\n3,4,y,\n", {"usecols": [0, 1, 2]})
case("a comma at the end of each row", "a,b,label\n1,2,x,\n3,4,y,\n", {"index_col": False})
case("names twice", "a,a,a,label\n1,2,3,x\n4,5,6,y\n")
case("one of names twice", "a,a,label\n1,2,x\n4,5,y\n", {"usecols": ["a.1", "label"]}, options={"featureColumns": ["a.1"]})
case("a column without values", "a,b,label\n1,,x\n3,,y\n")
case("features in another order", "a,b,c,label\n1,2,3,x\n4,5,6,y\n", {"usecols": ["b", "c", "label"]}, options={"featureColumns": ["b", "c"]})
case("columns left out", "id,a,note,label\n1,2,good,x\n4,5,bad,y\n", {"usecols": ["a", "label"]}, options={"drop": ["id", "note"]})
case("the label first", "label,a,b\nx,1,2\ny,3,4\n", label="label")
case("the label by its place", "x,1,2\ny,3,4\n", {"header": None}, options={"target": 0}, label=0)
case("1 and 1.0 as labels", "a,b,label\n1,2,1\n3,4,1.0\n5,6,2\n7,8,2.00\n")
case("01 and 1 as labels", "a,b,label\n1,2,01\n3,4,1\n5,6,2\n7,8,02\n")
case("numbers and text as labels", "a,b,label\n1,2,1\n3,4,1.0\n5,6,two\n")
case("labels below 0", "a,b,label\n1,2,-1\n3,4,1\n5,6,-1\n")
case("a price", "a,b,price\n1,2,10.5\n3,4,11.25\n5,6,-3\n", number=True)
case("a price with decimal commas", "a;b;price\n1;2;10,5\n3;4;11,25\n5;6;-3,0\n", {"sep": ";", "decimal": ","}, number=True)
case("a count", "a,b,count\n" + "".join(f"{i},{i / 2},{(i * 37) % 997}\n" for i in range(60)), number=True)
case("a count as fractions", "a,b,count\n" + "".join(f"{i},{i / 2},{(i * 37) % 997}.0\n" for i in range(60)), number=True)
case("a wide row", ",".join(f"c{i}" for i in range(300)) + ",label\n" + "".join(",".join(str(i * k) for i in range(300)) + f",{k % 2}\n" for k in range(4)))
case("gzip", gzip.compress(plain.encode(), mtime=0), suffix=".csv.gz")
case("gzip of UTF-16", gzip.compress(plain.encode("utf-16"), mtime=0), {"encoding": "utf-16"}, suffix=".csv.gz")


def parquet(name, df, *, options=None, label=None, number=False, index=None):
    out = io.BytesIO()
    df.to_parquet(out, index=index)
    data = out.getvalue()
    add(name, data, pd.read_parquet(io.BytesIO(data)), options, label, number, ".parquet")


frame = pd.DataFrame({"a": [1.5, 2.5, 3.5], "b": np.array([1, 2, 3], np.int8), "label": ["x", "y", "x"]})
parquet("Parquet", frame)
parquet("Parquet with an index of numbers", frame.set_index(pd.Index([7, 3, 5])))
parquet("Parquet with a named index", frame.set_index(pd.Index(["p", "q", "r"], name="key")))
parquet("Parquet with an index that counts", frame, index=True)
parquet("Parquet with gaps", pd.DataFrame({"a": [1.5, None, 3.5, 4], "b": pd.array([1, 2, None, 4], "Int64"), "label": ["x", "y", "x", None]}))
parquet("Parquet with truth values", pd.DataFrame({"a": [True, False, True], "b": [1, 2, 3], "label": [True, False, True]}))
parquet("Parquet beyond float32", pd.DataFrame({"a": [1e300, 1.0, np.inf], "b": [1.0, 2.0, 3.0], "label": [0, 1, 1]}))
parquet("Parquet with categories", frame.assign(label=frame.label.astype("category")))
parquet("Parquet with text", frame.assign(c=["1", "2", "3"])[["a", "c", "label"]])
parquet("Parquet with a price", frame.assign(label=[1.5, 2.25, 3]), number=True)
parquet("Parquet with labels as text of digits", frame.assign(label=["1", "1.0", "2"]))
parquet("Parquet with many whole numbers", pd.DataFrame({"a": np.arange(60.0), "y": (np.arange(60) * 37) % 997}), number=True)

path = pathlib.Path(__file__).parent.parent / "src/readers/tables.golden.json"
path.write_text(json.dumps({"pandas": pd.__version__, "cases": cases}, ensure_ascii=False, indent=1) + "\n")
print(len(cases), "cases,", path.stat().st_size, "bytes")
