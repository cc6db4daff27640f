import type { ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { JobProgress, TrainingPoint, WorkEvent, type JobKind } from '@verge/contracts';
import { DatabaseService } from '../database/database.service.js';
import { EventBus } from '../events/event-bus.js';
import { openEventStream, ProblemError, type EventStream, type HttpRequest } from '../http/index.js';
import { fromNullable } from '../json.js';
import { pointEvent, progressEvent, stateEvent, workTopic } from './work-row.js';

interface Work {
  readonly projectId: string;
  readonly id: string;
  readonly kind: JobKind;
}

/** The live progress of one piece of work: first how it stands, then every change. It stays open when the work is over. */
@Injectable()
export class WorkEvents {
  constructor(
    @Inject(DatabaseService) private readonly database: DatabaseService,
    @Inject(EventBus) private readonly bus: EventBus,
  ) {}

  /** @throws ProblemError NOT_FOUND, before anything is sent */
  async stream(of: Work, request: HttpRequest, response: ServerResponse): Promise<void> {
    await this.follow(of, () => {
      const stream = openEventStream(request, response);
      stream.onClose(this.bus.onGap(() => stream.close()));
      return stream;
    });
  }

  /** @throws ProblemError NOT_FOUND, before `open` is called */
  async follow(of: Work, open: () => EventStream): Promise<void> {
    if (!(await this.database.job.findFirst({ where: of }))) throw ProblemError.notFound('job', of.id);
    const stream = open();
    const sender = new Sender(stream);
    // Subscribed before the state is read, so that nothing falls between; what comes meanwhile is sent after it.
    const early: WorkEvent[] = [];
    let caughtUp = false;
    const stop = this.bus.subscribe(workTopic(of.id), (payload) => {
      const event = WorkEvent.parse(payload);
      if (caughtUp) sender.send(event);
      else early.push(event);
    });
    stream.onClose(stop);
    await this.sendCurrent(of.id, sender);
    caughtUp = true;
    for (const event of early) sender.send(event);
  }

  private async sendCurrent(id: string, sender: Sender): Promise<void> {
    const job = await this.database.job.findUniqueOrThrow({ where: { id } });
    const points = await this.database.trainingPoint.findMany({ where: { trainingId: id }, orderBy: { epoch: 'asc' } });
    for (const { point } of points) sender.send(pointEvent(TrainingPoint.parse(point)));
    const progress = fromNullable(JobProgress, job.progress);
    if (progress) sender.send(progressEvent(progress));
    sender.send(stateEvent(job));
  }
}

/** Sends each point once; the epoch is its id, from which a reader that reconnects goes on. */
class Sender {
  private lastEpoch: number;

  constructor(private readonly stream: EventStream) {
    const resumed = Number(stream.lastEventId ?? '');
    this.lastEpoch = Number.isInteger(resumed) ? resumed : 0;
  }

  send(event: WorkEvent): void {
    if (event.type !== 'point') return this.stream.send(event);
    const { epoch } = event.point;
    if (epoch <= this.lastEpoch) return;
    this.lastEpoch = epoch;
    this.stream.send(event, epoch);
  }
}
