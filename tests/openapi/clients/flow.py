"""A program against the generated package: logs in, makes a project and what is in it, lists, changes, and deletes again."""

import hashlib
import io
import sys

from verge_client import AuthenticatedClient, Client
from verge_client.api.access import auth_login, auth_logout, projects_create
from verge_client.api.blobs import blobs_put
from verge_client.api.datasets import datasets_create, datasets_delete, datasets_list
from verge_client.api.groups import groups_create, groups_delete, groups_get
from verge_client.models import (
    AuthLoginRequest,
    Blob,
    Dataset,
    DatasetFileInput,
    DatasetFormat,
    DatasetPage,
    DatasetsCreateRequest,
    DatasetsListSort,
    Group,
    GroupsCreateRequest,
    Login,
    Problem,
    Project,
    ProjectsCreateRequest,
)
from verge_client.types import File

origin, email, password = sys.argv[1:]
base = f"{origin}/api/v1"


def expect(kind, answer):
    assert isinstance(answer, kind), answer
    return answer


login = expect(Login, auth_login.sync(client=Client(base_url=base), body=AuthLoginRequest(email=email, password=password)))
client = AuthenticatedClient(base_url=base, token=login.token)
project = expect(
    Project, projects_create.sync(client=client, body=ProjectsCreateRequest(slug="python", name="From Python"))
).slug

content = b"a,b,label\n1,2,0\n3,4,1\n"
digest = "sha256:" + hashlib.sha256(content).hexdigest()
blob = expect(Blob, blobs_put.sync(project, digest, client=client, body=File(payload=io.BytesIO(content))))
body = DatasetsCreateRequest(
    name="rows",
    format_=DatasetFormat.CSV,
    files=[DatasetFileInput(path="rows.csv", digest=blob.digest, bytes_=blob.bytes_)],
    labels=["no", "yes"],
)
dataset = expect(Dataset, datasets_create.sync(project, client=client, body=body))
page = expect(DatasetPage, datasets_list.sync(project, client=client, sort=DatasetsListSort.NAME, limit=10))
assert page.total == 1 and page.items[0].id == dataset.id, page

group = expect(Group, groups_create.sync(project, client=client, body=GroupsCreateRequest(name="line-1")))
refused = expect(Problem, groups_create.sync(project, client=client, body=GroupsCreateRequest(name="line-1")))
assert refused.code == "CONFLICT", refused
etag = groups_get.sync_detailed(project, str(group.id), client=client).headers["etag"]
assert groups_delete.sync_detailed(project, str(group.id), client=client, if_match=etag).status_code == 204
assert expect(Problem, groups_get.sync(project, str(group.id), client=client)).code == "NOT_FOUND"
assert datasets_delete.sync_detailed(project, "rows", client=client).status_code == 204
assert auth_logout.sync_detailed(client=client).status_code == 204
print("flow done")
