import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createClient, FollowedEvent, HEARTBEAT_MS, topicOf, type Client } from '@verge/contracts';
import { fillProject, ROLLOUT_ID } from '../../test/many-rows.js';
import { Plane, until } from '../../test/plane.js';
import { EventBus } from './event-bus.js';
import { pino } from 'pino';

let plane: Plane;
let bus: EventBus;
let reader: Client;
const ids: Record<string, string> = {};
const open: Followed[] = [];

beforeAll(async () => {
  plane = await Plane.start();
  for (const slug of ['plant', 'mill', 'secret']) {
    await plane.member(slug);
    ids[slug] = (await plane.admin.call('projects.get', { params: { project: slug } })).id;
  }
  await fillProject(plane.database, ids['plant']!, 10);
  const memberships = ['plant', 'mill'].map((project) => ({ project, role: 'viewer' as const }));
  const person = { email: 'reader@example.org', password: 'long enough 1' };
  await plane.admin.call('users.create', { body: { ...person, name: 'reader', memberships } });
  const { token } = await createClient({ baseUrl: plane.url }).call('auth.login', { body: person });
  reader = createClient({ baseUrl: plane.url, token });
  // Another control plane on the same database, as far as events go.
  bus = new EventBus(plane.database, pino({ level: 'silent' }));
  await bus.start();
});
afterAll(async () => {
  await bus.close();
  await plane.close();
});
afterEach(() => {
  for (const stream of open.splice(0)) stream.stop();
});

/** An open stream, and what it has told so far. */
class Followed {
  readonly told: FollowedEvent[] = [];
  heartbeats = 0;
  ended = false;
  private readonly abort = new AbortController();

  constructor(client: Client, topics: readonly string[]) {
    open.push(this);
    this.read(client, topics.join(','))
      .catch(() => undefined)
      .finally(() => {
        this.ended = true;
      });
  }

  async following(): Promise<string[]> {
    const look = async () => this.told.find((message) => 'following' in message);
    return (await until('it follows', look, (message) => message !== undefined))!.following;
  }

  stop(): void {
    this.abort.abort();
  }

  private async read(client: Client, topics: string): Promise<void> {
    const { body } = await client.open('events.follow', { query: { topics }, signal: this.abort.signal });
    let text = '';
    for await (const part of body!.pipeThrough(new TextDecoderStream())) {
      text += part;
      const messages = text.split('\n\n');
      text = messages.pop()!;
      for (const message of messages) {
        if (message.startsWith(': heartbeat')) this.heartbeats++;
        const data = /^data: (.*)$/m.exec(message)?.[1];
        if (data) this.told.push(FollowedEvent.parse(JSON.parse(data)));
      }
    }
  }
}

describe('a stream of several topics', () => {
  it('tells of each project what happens there, and of none that the reader does not belong to', async () => {
    const topics = ['plant', 'mill', 'secret', 'nowhere'].map((slug) => topicOf('project', slug));
    const stream = new Followed(reader, topics);
    expect(await stream.following()).toEqual(topics.slice(0, 2));
    for (const [slug, id] of Object.entries(ids)) bus.changed(id, 'model', `model-of-${slug}`);
    // What made the projects may be told here too: its events come when they come.
    const models = async () =>
      stream.told.flatMap((each) =>
        'event' in each && each.event.type === 'model' ? [[each.topic, each.event.id]] : [],
      );
    const told = await until('both are told', models, (events) => events.length >= 2);
    expect(told.sort()).toEqual([
      ['project:mill', 'model-of-mill'],
      ['project:plant', 'model-of-plant'],
    ]);
    const refused = stream.told.filter((each) => 'refused' in each);
    expect(refused).toEqual(topics.slice(2).map((topic) => ({ topic, refused: 'NOT_FOUND' })));
  });

  it('begins with how a rollout stands, and refuses what is not there', async () => {
    const rollout = topicOf('rollout', 'plant', ROLLOUT_ID);
    const gone = topicOf('training', 'plant', ROLLOUT_ID);
    const stream = new Followed(reader, [gone, rollout]);
    expect(await stream.following()).toEqual([rollout]);
    const first = await until('it tells', async () => stream.told.find((each) => 'event' in each), Boolean);
    expect(first).toMatchObject({ topic: rollout, event: { type: 'rollout', rollout: { id: ROLLOUT_ID } } });
    expect(stream.told).toContainEqual({ topic: gone, refused: 'NOT_FOUND' });
  });

  it('says that it is there while nothing happens', { timeout: 3 * HEARTBEAT_MS }, async () => {
    const stream = new Followed(reader, ['project:mill']);
    await until(
      'a heartbeat',
      async () => stream.heartbeats,
      (n) => n > 0,
    );
  });

  it('names what it cannot read of the topics', async () => {
    for (const topics of ['', 'project', 'device:plant:x', 'training:plant:x', 'project:plant,', 'project:Plant'])
      await expect(reader.open('events.follow', { query: { topics } })).rejects.toMatchObject({
        code: 'VALIDATION_FAILED',
        errors: [{ field: '?topics' }],
      });
  });

  it('ends with the membership of one of its projects, and with the session', async () => {
    const both = new Followed(reader, ['project:plant', 'project:mill']);
    const one = new Followed(reader, ['project:plant']);
    await both.following();
    await one.following();
    await plane.admin.call('members.remove', { params: { project: 'mill', user: 'reader@example.org' } });
    await until('it is cut', async () => both.ended, Boolean);
    expect(one.ended).toBe(false);
    const again = new Followed(reader, ['project:plant', 'project:mill']);
    expect(await again.following()).toEqual(['project:plant']);
    await reader.call('auth.logout', {});
    await until('both are cut', async () => one.ended && again.ended, Boolean);
  });
});

it('a token of one project follows that project alone', async () => {
  const { token } = await plane.admin.call('tokens.create', { body: { name: 't', project: 'mill', role: 'viewer' } });
  const stream = new Followed(createClient({ baseUrl: plane.url, token }), ['project:plant', 'project:mill']);
  expect(await stream.following()).toEqual(['project:mill']);
});
