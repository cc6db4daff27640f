/**
 * Several topics on one stream. Each is judged by itself: one that the caller may not follow is refused on the stream, and the others go
 * on. The stream ends when the caller loses the right to any of them; asked again it says which.
 */
import type { ServerResponse } from 'node:http';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import { topicParts, type FollowedEvent, type TopicKind } from '@verge/contracts';
import type { Logger } from 'pino';
import { AuthenticationService } from '../access/authentication.service.js';
import { holderOf } from '../access/holders.js';
import { OpenStreams } from '../access/open-streams.js';
import { LOGGER } from '../core-tokens.js';
import {
  Caller,
  Input,
  openEventStream,
  Operation,
  ProblemError,
  type AnyCaller,
  type EventStream,
  type HttpRequest,
  type InputOf,
  type ProjectCaller,
} from '../http/index.js';
import { WorkEvents } from '../jobs/work-events.service.js';
import { RolloutsService } from '../rollouts/rollouts.service.js';
import { EventBus } from './event-bus.js';

/** Starts to tell what happens in a topic. @throws ProblemError NOT_FOUND, before `open` is called */
type Follow = (caller: ProjectCaller, id: string, open: () => EventStream) => Promise<void> | void;

@Controller()
export class FollowController {
  private readonly follows: { readonly [K in TopicKind]: Follow };

  constructor(
    @Inject(EventBus) private readonly bus: EventBus,
    @Inject(AuthenticationService) private readonly authentication: AuthenticationService,
    @Inject(OpenStreams) private readonly streams: OpenStreams,
    @Inject(LOGGER) private readonly log: Logger,
    @Inject(WorkEvents) work: WorkEvents,
    @Inject(RolloutsService) rollouts: RolloutsService,
  ) {
    const ofWork =
      (kind: 'train' | 'compress'): Follow =>
      ({ project }, id, open) =>
        work.follow({ projectId: project.id, id, kind }, open);
    this.follows = {
      project: ({ project }, _, open) => {
        const channel = open();
        channel.onClose(this.bus.onProjectChange(project.id, (event) => channel.send(event)));
      },
      training: ofWork('train'),
      compression: ofWork('compress'),
      rollout: (caller, id, open) => rollouts.follow(caller, id, open),
    };
  }

  @Operation('events.follow')
  async follow(
    @Caller() caller: AnyCaller,
    @Input() { query }: InputOf<'events.follow'>,
    @Req() request: HttpRequest,
    @Res() response: ServerResponse,
  ): Promise<void> {
    const stream = openEventStream(request, response);
    // The reader connects again and reads the state, as it does after any cut.
    stream.onClose(this.bus.onGap(() => stream.close()));
    const tell = (message: FollowedEvent): void => stream.send(message);
    try {
      const following = await this.begin(caller, query.topics, stream, tell);
      tell({ following });
    } catch (err) {
      // The headers are out: an end without `following` is what says that it failed.
      this.log.warn({ err, requestId: request.requestId }, 'topics could not be followed');
      stream.close();
    }
  }

  private async begin(
    caller: AnyCaller,
    topics: readonly string[],
    stream: EventStream,
    tell: (message: FollowedEvent) => void,
  ): Promise<string[]> {
    const projects = new Map<string, Promise<ProjectCaller>>();
    const within = async (name: string): Promise<ProjectCaller> => {
      const member = await this.authentication.within(caller, name);
      stream.onClose(this.streams.add(holderOf(member, 'viewer'), () => stream.close()));
      return member;
    };
    const following: string[] = [];
    for (const topic of topics) {
      const { kind, project, id } = topicParts(topic);
      try {
        const member = projects.get(project) ?? within(project);
        projects.set(project, member);
        await this.follows[kind](await member, id, () => channelOf(stream, topic));
        following.push(topic);
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error;
        tell({ topic, refused: error.code });
      }
    }
    return following;
  }
}

/** A stream's part for one topic. It begins anew each time: there is no last event to go on from. */
function channelOf(stream: EventStream, topic: string): EventStream {
  return {
    lastEventId: undefined,
    get closed() {
      return stream.closed;
    },
    send: (event) => stream.send({ topic, event }),
    onClose: (listener) => stream.onClose(listener),
    close: () => stream.close(),
  };
}
