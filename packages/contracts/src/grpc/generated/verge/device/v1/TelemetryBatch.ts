// Original file: proto/device.proto

import type { TelemetryRecord as _verge_device_v1_TelemetryRecord, TelemetryRecord__Output as _verge_device_v1_TelemetryRecord__Output } from '../../../verge/device/v1/TelemetryRecord.js';
import type { Long } from '@grpc/proto-loader';

export interface TelemetryBatch {
  'spoolId'?: (string);
  'records'?: (_verge_device_v1_TelemetryRecord)[];
  'oldestSeq'?: (number | string | Long);
}

export interface TelemetryBatch__Output {
  'spoolId': (string);
  'records': (_verge_device_v1_TelemetryRecord__Output)[];
  'oldestSeq': (number);
}
