/** Telemetry records as bytes on disk: the protocol buffers of the wire, so that an upload needs no translation. */
import { deviceService, type TelemetryRecord, type TelemetryRecordReceived } from '@verge/contracts/grpc';
import { AgentError, reasonOf } from '../errors.js';

const { requestSerialize, requestDeserialize } = deviceService.PushTelemetry;

export function encodeRecord(record: TelemetryRecord): Buffer {
  return requestSerialize({ records: [record] });
}

/** @throws AgentError `SPOOL_FAILED` for bytes that are no record */
export function decodeRecord(bytes: Uint8Array): TelemetryRecordReceived {
  try {
    const record = requestDeserialize(Buffer.from(bytes)).records[0];
    if (record) return record;
  } catch (error) {
    throw new AgentError('SPOOL_FAILED', `no telemetry record: ${reasonOf(error)}`, { cause: error });
  }
  throw new AgentError('SPOOL_FAILED', 'no telemetry record');
}
