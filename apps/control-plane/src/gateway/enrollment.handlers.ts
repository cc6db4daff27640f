import type { EnrollReply, EnrollmentHandlers } from '@verge/contracts/grpc';
import { enroll } from '../enrollment/enroll.js';
import type { RenewExpiredParts } from '../enrollment/renew-expired.js';
import { renewExpired } from '../enrollment/renew-expired.js';
import type { EventBus } from '../events/event-bus.js';
import type { Refusals } from '../audit/refusals.js';
import type { Answer } from './answer.js';
import { auditRefusal, type DeviceCall } from './refused.js';

export interface EnrollmentContext extends RenewExpiredParts {
  readonly bus: EventBus;
  readonly answer: Answer;
  readonly refusals: Refusals;
  /** host:port of the Device service. */
  readonly deviceEndpoint: string;
  /** host:port of this service. */
  readonly enrollmentEndpoint: string;
}

export function enrollmentHandlers(context: EnrollmentContext): EnrollmentHandlers {
  const { authority, answer, bus, refusals } = context;
  const audited = <T>(call: DeviceCall, work: Promise<T>): Promise<T> => auditRefusal(refusals, call, work);
  return {
    Enroll: answer.unary(async (call): Promise<EnrollReply> => {
      const { deviceId, projectId, name, certificatePem } = await audited(call, enroll(context, call.request));
      bus.changed(projectId, 'device', deviceId);
      return {
        deviceId,
        projectId,
        name,
        certificateChainPem: certificatePem,
        authorityPem: authority.authorityPem,
        // The oldest, from which a device follows every later one.
        directorRoot: Buffer.from(authority.directorRoots.get('1.root.json') ?? []),
        deviceEndpoint: context.deviceEndpoint,
      };
    }),
    RenewExpired: answer.unary(async (call) => {
      const { deviceId, projectId, certificatePem } = await audited(call, renewExpired(context, call.request));
      bus.changed(projectId, 'device', deviceId);
      return { certificateChainPem: certificatePem, enrollmentEndpoint: context.enrollmentEndpoint };
    }),
  };
}
