// Original file: proto/device.proto


export interface Target {
  'path'?: (string);
  'manifestDigest'?: (string);
  'model'?: (string);
  'version'?: (number);
  'rolloutId'?: (string);
}

export interface Target__Output {
  'path': (string);
  'manifestDigest': (string);
  'model': (string);
  'version': (number);
  'rolloutId': (string);
}
