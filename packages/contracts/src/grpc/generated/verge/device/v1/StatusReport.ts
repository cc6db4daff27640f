// Original file: proto/device.proto

import type { Long } from '@grpc/proto-loader';

export interface StatusReport {
  'atMs'?: (number | string | Long);
  'generation'?: (number | string | Long);
  'updateState'?: (string);
  'activeDigest'?: (string);
  'targetDigest'?: (string);
  'rolloutId'?: (string);
  'errorCode'?: (string);
  'errorMessage'?: (string);
  'progressBytes'?: (number | string | Long);
  'totalBytes'?: (number | string | Long);
  'facts'?: ({[key: string]: string});
  'rssBytes'?: (number | string | Long);
  'spoolRecords'?: (number | string | Long);
  'spoolDropped'?: (number | string | Long);
}

export interface StatusReport__Output {
  'atMs': (number);
  'generation': (number);
  'updateState': (string);
  'activeDigest': (string);
  'targetDigest': (string);
  'rolloutId': (string);
  'errorCode': (string);
  'errorMessage': (string);
  'progressBytes': (number);
  'totalBytes': (number);
  'facts': ({[key: string]: string});
  'rssBytes': (number);
  'spoolRecords': (number);
  'spoolDropped': (number);
}
