/** One stream for all that a reader follows: a browser has six connections to a server, and a tab must not take one each. */
import { z } from 'zod';
import { ProblemCode } from '../problem.js';
import { MAX_TOPICS } from './heartbeat.js';
import { RolloutEventMessage } from './rollouts.js';
import { route } from './route.js';
import { ProjectEvent } from './telemetry.js';
import { WorkEvent } from './work.js';

const project = '[a-z0-9][a-z0-9.-]{0,62}';
const id = '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}';
const topic = `(?:project:${project}|(?:training|compression|rollout):${project}:${id})`;
const expected = 'project:SLUG, training:SLUG:ID, compression:SLUG:ID or rollout:SLUG:ID';

export const topicKinds = ['project', 'training', 'compression', 'rollout'] as const;
export type TopicKind = (typeof topicKinds)[number];

/** What a topic is about; of a project there is no id. */
export interface TopicParts {
  readonly kind: TopicKind;
  readonly project: string;
  readonly id: string;
}

export const topicOf = (kind: TopicKind, project: string, id = ''): string =>
  kind === 'project' ? `${kind}:${project}` : `${kind}:${project}:${id}`;

/** @param topic as the contract has it */
export function topicParts(topic: string): TopicParts {
  const [kind, project = '', id = ''] = topic.split(':');
  return { kind: kind as TopicKind, project, id };
}

export const isTopic = (text: string): boolean => new RegExp(`^${topic}$`).test(text);

const Topics = z
  .string()
  .regex(
    new RegExp(`^${topic}(?:,${topic}){0,${MAX_TOPICS - 1}}$`),
    `expected 1 to ${MAX_TOPICS}, separated by commas, each ${expected}`,
  )
  .transform((text) => [...new Set(text.split(','))]);

/** What the stream tells: which topics it follows from now on, which it cannot, and what happens in those that it follows. */
export const FollowedEvent = z
  .union([
    z.object({ following: z.array(z.string()).describe('what happens in these from now on is told') }),
    z.object({ topic: z.string(), refused: ProblemCode }),
    z.object({ topic: z.string(), event: z.union([ProjectEvent, WorkEvent, RolloutEventMessage]) }),
  ])
  .meta({ id: 'FollowedEvent' });
export type FollowedEvent = z.infer<typeof FollowedEvent>;

export const liveRoutes = {
  'events.follow': route({
    method: 'GET',
    path: '/events',
    tag: 'overview',
    role: 'viewer',
    summary: `Several topics on one stream, of any of the caller's projects: ${expected}.`,
    query: z.strictObject({ topics: Topics.describe(expected) }),
    stream: 'events',
    event: FollowedEvent,
  }),
};
