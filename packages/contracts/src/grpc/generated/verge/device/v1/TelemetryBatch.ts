// Original file: proto/device.proto

import type { TelemetryRecord as _verge_device_v1_TelemetryRecord, TelemetryRecord__Output as _verge_device_v1_TelemetryRecord__Output } from '../../../verge/device/v1/TelemetryRecord.js';

export interface TelemetryBatch {
  'spoolId'?: (string);
  'records'?: (_verge_device_v1_TelemetryRecord)[];
}

export interface TelemetryBatch__Output {
  'spoolId': (string);
  'records': (_verge_device_v1_TelemetryRecord__Output)[];
}
