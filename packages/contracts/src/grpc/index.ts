/**
 * The device protocol for @grpc/grpc-js: service definitions with their types. `npm run generate -w @verge/contracts`
 * writes `generated/` from proto/device.proto.
 */
import { loadPackageDefinition } from '@grpc/grpc-js';
import { fromJSON, type Options } from '@grpc/proto-loader';
import { descriptor } from './generated/descriptor.js';
import type { ProtoGrpcType } from './generated/device.js';

const options: Options = { keepCase: false, longs: Number, enums: String, defaults: true, oneofs: true };
const loaded = loadPackageDefinition(
  fromJSON(descriptor as Parameters<typeof fromJSON>[0], options),
) as unknown as ProtoGrpcType;

/** Client constructors: `new DeviceClient(address, credentials, options)`. */
export const DeviceClient = loaded.verge.device.v1.Device;
export const EnrollmentClient = loaded.verge.device.v1.Enrollment;
/** For `server.addService`. */
export const deviceService = DeviceClient.service;
export const enrollmentService = EnrollmentClient.service;

/** Forms in which a blob may be sent beside its bytes as they are: packed by `@verge/onnx/pack`. */
export const packCoding = 'verge-pack/1';
/** The most bases that a request names. */
export const mostBases = 8;

export const chunkLimits = { min: 256 * 1024, max: 1024 * 1024 } as const;

export type { DeviceClient as Device, DeviceHandlers } from './generated/verge/device/v1/Device.js';
export type { EnrollmentClient as Enrollment, EnrollmentHandlers } from './generated/verge/device/v1/Enrollment.js';
export type { Chunk__Output as Chunk, Chunk as ChunkSent } from './generated/verge/device/v1/Chunk.js';
export type {
  DesiredState,
  DesiredState__Output as DesiredStateReceived,
} from './generated/verge/device/v1/DesiredState.js';
export type {
  DownloadRequest,
  DownloadRequest__Output as DownloadRequestReceived,
} from './generated/verge/device/v1/DownloadRequest.js';
export type { Encoding__Output as EncodingReceived, Encoding } from './generated/verge/device/v1/Encoding.js';
export type {
  EnrollReply__Output as EnrollReplyReceived,
  EnrollReply,
} from './generated/verge/device/v1/EnrollReply.js';
export type {
  EnrollRequest,
  EnrollRequest__Output as EnrollRequestReceived,
} from './generated/verge/device/v1/EnrollRequest.js';
export type {
  FeatureSketch,
  FeatureSketch__Output as FeatureSketchReceived,
} from './generated/verge/device/v1/FeatureSketch.js';
export type {
  StatusReport,
  StatusReport__Output as StatusReportReceived,
} from './generated/verge/device/v1/StatusReport.js';
export type { Target, Target__Output as TargetReceived } from './generated/verge/device/v1/Target.js';
export type {
  TelemetryAck,
  TelemetryAck__Output as TelemetryAckReceived,
} from './generated/verge/device/v1/TelemetryAck.js';
export type {
  TelemetryBatch,
  TelemetryBatch__Output as TelemetryBatchReceived,
} from './generated/verge/device/v1/TelemetryBatch.js';
export type {
  TelemetryRecord,
  TelemetryRecord__Output as TelemetryRecordReceived,
} from './generated/verge/device/v1/TelemetryRecord.js';
export type {
  MetadataReply,
  MetadataReply__Output as MetadataReplyReceived,
} from './generated/verge/device/v1/MetadataReply.js';
export type {
  MetadataRequest,
  MetadataRequest__Output as MetadataRequestReceived,
} from './generated/verge/device/v1/MetadataRequest.js';
export type { RenewExpiredRequest__Output as RenewExpiredRequestReceived } from './generated/verge/device/v1/RenewExpiredRequest.js';
export type { RenewRequest__Output as RenewRequestReceived } from './generated/verge/device/v1/RenewRequest.js';
export type { WatchRequest__Output as WatchRequestReceived } from './generated/verge/device/v1/WatchRequest.js';
