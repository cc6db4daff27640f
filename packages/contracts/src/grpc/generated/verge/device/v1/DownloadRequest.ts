// Original file: proto/device.proto

import type { Long } from '@grpc/proto-loader';

export interface DownloadRequest {
  'digest'?: (string);
  'offset'?: (number | string | Long);
  'chunkBytes'?: (number);
  'codings'?: (string)[];
  'bases'?: (string)[];
  'encodedDigest'?: (string);
  'encodedOffset'?: (number | string | Long);
}

export interface DownloadRequest__Output {
  'digest': (string);
  'offset': (number);
  'chunkBytes': (number);
  'codings': (string)[];
  'bases': (string)[];
  'encodedDigest': (string);
  'encodedOffset': (number);
}
