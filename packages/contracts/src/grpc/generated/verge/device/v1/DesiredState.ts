// Original file: proto/device.proto

import type { Target as _verge_device_v1_Target, Target__Output as _verge_device_v1_Target__Output } from '../../../verge/device/v1/Target.js';
import type { Long } from '@grpc/proto-loader';

export interface DesiredState {
  'generation'?: (number | string | Long);
  'target'?: (_verge_device_v1_Target | null);
  'reportIntervalSeconds'?: (number);
  'serveNothing'?: (boolean);
}

export interface DesiredState__Output {
  'generation': (number);
  'target': (_verge_device_v1_Target__Output | null);
  'reportIntervalSeconds': (number);
  'serveNothing': (boolean);
}
