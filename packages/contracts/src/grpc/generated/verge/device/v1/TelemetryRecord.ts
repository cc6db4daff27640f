// Original file: proto/device.proto

import type { ClassCount as _verge_device_v1_ClassCount, ClassCount__Output as _verge_device_v1_ClassCount__Output } from '../../../verge/device/v1/ClassCount.js';
import type { FeatureSketch as _verge_device_v1_FeatureSketch, FeatureSketch__Output as _verge_device_v1_FeatureSketch__Output } from '../../../verge/device/v1/FeatureSketch.js';
import type { Long } from '@grpc/proto-loader';

export interface TelemetryRecord {
  'seq'?: (number | string | Long);
  'startMs'?: (number | string | Long);
  'endMs'?: (number | string | Long);
  'artifactDigest'?: (string);
  'requests'?: (number | string | Long);
  'errors'?: (number | string | Long);
  'latencySketch'?: (Buffer | Uint8Array | string);
  'classes'?: (_verge_device_v1_ClassCount)[];
  'features'?: (_verge_device_v1_FeatureSketch)[];
  'callerErrors'?: (number | string | Long);
  'loadErrors'?: (number | string | Long);
}

export interface TelemetryRecord__Output {
  'seq': (number);
  'startMs': (number);
  'endMs': (number);
  'artifactDigest': (string);
  'requests': (number);
  'errors': (number);
  'latencySketch': (Buffer);
  'classes': (_verge_device_v1_ClassCount__Output)[];
  'features': (_verge_device_v1_FeatureSketch__Output)[];
  'callerErrors': (number);
  'loadErrors': (number);
}
