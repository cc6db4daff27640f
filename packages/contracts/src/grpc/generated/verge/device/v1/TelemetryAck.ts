// Original file: proto/device.proto

import type { Long } from '@grpc/proto-loader';

export interface TelemetryAck {
  'throughSeq'?: (number | string | Long);
  'accepted'?: (number);
  'duplicates'?: (number);
}

export interface TelemetryAck__Output {
  'throughSeq': (number);
  'accepted': (number);
  'duplicates': (number);
}
