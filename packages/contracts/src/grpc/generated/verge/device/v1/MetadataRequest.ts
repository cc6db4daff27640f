// Original file: proto/device.proto


// Original file: proto/device.proto

export const _verge_device_v1_MetadataRequest_Repository = {
  RELEASE: 'RELEASE',
  DIRECTOR: 'DIRECTOR',
} as const;

export type _verge_device_v1_MetadataRequest_Repository =
  | 'RELEASE'
  | 0
  | 'DIRECTOR'
  | 1

export type _verge_device_v1_MetadataRequest_Repository__Output = typeof _verge_device_v1_MetadataRequest_Repository[keyof typeof _verge_device_v1_MetadataRequest_Repository]

export interface MetadataRequest {
  'repository'?: (_verge_device_v1_MetadataRequest_Repository);
  'name'?: (string);
}

export interface MetadataRequest__Output {
  'repository': (_verge_device_v1_MetadataRequest_Repository__Output);
  'name': (string);
}
