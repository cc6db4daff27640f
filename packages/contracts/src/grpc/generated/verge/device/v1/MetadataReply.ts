// Original file: proto/device.proto


export interface MetadataReply {
  'content'?: (Buffer | Uint8Array | string);
}

export interface MetadataReply__Output {
  'content': (Buffer);
}
