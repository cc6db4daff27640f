/** A program against the generated types: logs in, makes a project and what is in it, lists, changes, and deletes again. */
import createClient from 'openapi-fetch';
import type { components, paths } from './api.js';

const [, , origin = '', email = '', password = ''] = process.argv;
const api = createClient<paths>({ baseUrl: `${origin}/api/v1` });

type Problem = components['schemas']['Problem'];
function done<T>({ data, error, response }: { data?: T; error?: Problem; response: Response }): T {
  if (!response.ok) throw new Error(`${response.status} ${error?.code}: ${error?.detail}`);
  return data as T;
}

const login = done(await api.POST('/auth/login', { body: { email, password } }));
api.use({
  onRequest({ request }) {
    request.headers.set('authorization', `Bearer ${login.token}`);
    return request;
  },
});

const project = 'typescript';
done(await api.POST('/projects', { body: { slug: project, name: 'From TypeScript' } }));
const inProject = { params: { path: { project } } };

const bytes = new TextEncoder().encode('a,b,label\n1,2,0\n3,4,1\n');
const hash = Buffer.from(await crypto.subtle.digest('SHA-256', bytes)).toString('hex');
const digest = `sha256:${hash}`;
const blob = done(
  await api.PUT('/projects/{project}/blobs/{digest}', {
    params: { path: { project, digest } },
    headers: { 'content-type': 'application/octet-stream' },
    body: '',
    bodySerializer: () => bytes,
  }),
);
const files = [{ path: 'rows.csv', digest: blob.digest, bytes: blob.bytes }];
const dataset: components['schemas']['Dataset'] = done(
  await api.POST('/projects/{project}/datasets', {
    ...inProject,
    body: { name: 'rows', format: 'csv', files, labels: ['no', 'yes'] },
  }),
);
const page = done(
  await api.GET('/projects/{project}/datasets', { params: { path: { project }, query: { sort: 'name', limit: 10 } } }),
);
if (page.total !== 1 || page.items[0]?.id !== dataset.id) throw new Error(`the list is ${JSON.stringify(page)}`);

const made = await api.POST('/projects/{project}/groups', { ...inProject, body: { name: 'line-1' } });
const group = done(made);
if (made.response.headers.get('location') !== `/api/v1/projects/${project}/groups/${group.id}`)
  throw new Error('no Location');
const refused = await api.POST('/projects/{project}/groups', { ...inProject, body: { name: 'line-1' } });
if (refused.error?.code !== 'CONFLICT') throw new Error('a name that is taken was taken again');

const one = { params: { path: { project, group: group.id } } };
const etag = (await api.GET('/projects/{project}/groups/{group}', one)).response.headers.get('etag') ?? '';
done(
  await api.DELETE('/projects/{project}/groups/{group}', { params: { ...one.params, header: { 'If-Match': etag } } }),
);
const gone = await api.GET('/projects/{project}/groups/{group}', one);
if (gone.error?.code !== 'NOT_FOUND') throw new Error('the group is still there');
done(await api.DELETE('/projects/{project}/datasets/{dataset}', { params: { path: { project, dataset: 'rows' } } }));
done(await api.POST('/auth/logout', {}));
console.log('flow done');
