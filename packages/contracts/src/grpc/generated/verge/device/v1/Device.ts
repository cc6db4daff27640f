// Original file: proto/device.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { Chunk as _verge_device_v1_Chunk, Chunk__Output as _verge_device_v1_Chunk__Output } from '../../../verge/device/v1/Chunk.js';
import type { DesiredState as _verge_device_v1_DesiredState, DesiredState__Output as _verge_device_v1_DesiredState__Output } from '../../../verge/device/v1/DesiredState.js';
import type { DownloadRequest as _verge_device_v1_DownloadRequest, DownloadRequest__Output as _verge_device_v1_DownloadRequest__Output } from '../../../verge/device/v1/DownloadRequest.js';
import type { MetadataReply as _verge_device_v1_MetadataReply, MetadataReply__Output as _verge_device_v1_MetadataReply__Output } from '../../../verge/device/v1/MetadataReply.js';
import type { MetadataRequest as _verge_device_v1_MetadataRequest, MetadataRequest__Output as _verge_device_v1_MetadataRequest__Output } from '../../../verge/device/v1/MetadataRequest.js';
import type { RenewReply as _verge_device_v1_RenewReply, RenewReply__Output as _verge_device_v1_RenewReply__Output } from '../../../verge/device/v1/RenewReply.js';
import type { RenewRequest as _verge_device_v1_RenewRequest, RenewRequest__Output as _verge_device_v1_RenewRequest__Output } from '../../../verge/device/v1/RenewRequest.js';
import type { ReportReply as _verge_device_v1_ReportReply, ReportReply__Output as _verge_device_v1_ReportReply__Output } from '../../../verge/device/v1/ReportReply.js';
import type { StatusReport as _verge_device_v1_StatusReport, StatusReport__Output as _verge_device_v1_StatusReport__Output } from '../../../verge/device/v1/StatusReport.js';
import type { TelemetryAck as _verge_device_v1_TelemetryAck, TelemetryAck__Output as _verge_device_v1_TelemetryAck__Output } from '../../../verge/device/v1/TelemetryAck.js';
import type { TelemetryBatch as _verge_device_v1_TelemetryBatch, TelemetryBatch__Output as _verge_device_v1_TelemetryBatch__Output } from '../../../verge/device/v1/TelemetryBatch.js';
import type { WatchRequest as _verge_device_v1_WatchRequest, WatchRequest__Output as _verge_device_v1_WatchRequest__Output } from '../../../verge/device/v1/WatchRequest.js';

export interface DeviceClient extends grpc.Client {
  Download(argument: _verge_device_v1_DownloadRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_verge_device_v1_Chunk__Output>;
  Download(argument: _verge_device_v1_DownloadRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_verge_device_v1_Chunk__Output>;
  download(argument: _verge_device_v1_DownloadRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_verge_device_v1_Chunk__Output>;
  download(argument: _verge_device_v1_DownloadRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_verge_device_v1_Chunk__Output>;
  
  GetMetadata(argument: _verge_device_v1_MetadataRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_MetadataReply__Output>): grpc.ClientUnaryCall;
  GetMetadata(argument: _verge_device_v1_MetadataRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_verge_device_v1_MetadataReply__Output>): grpc.ClientUnaryCall;
  GetMetadata(argument: _verge_device_v1_MetadataRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_MetadataReply__Output>): grpc.ClientUnaryCall;
  GetMetadata(argument: _verge_device_v1_MetadataRequest, callback: grpc.requestCallback<_verge_device_v1_MetadataReply__Output>): grpc.ClientUnaryCall;
  getMetadata(argument: _verge_device_v1_MetadataRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_MetadataReply__Output>): grpc.ClientUnaryCall;
  getMetadata(argument: _verge_device_v1_MetadataRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_verge_device_v1_MetadataReply__Output>): grpc.ClientUnaryCall;
  getMetadata(argument: _verge_device_v1_MetadataRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_MetadataReply__Output>): grpc.ClientUnaryCall;
  getMetadata(argument: _verge_device_v1_MetadataRequest, callback: grpc.requestCallback<_verge_device_v1_MetadataReply__Output>): grpc.ClientUnaryCall;
  
  PushTelemetry(argument: _verge_device_v1_TelemetryBatch, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_TelemetryAck__Output>): grpc.ClientUnaryCall;
  PushTelemetry(argument: _verge_device_v1_TelemetryBatch, metadata: grpc.Metadata, callback: grpc.requestCallback<_verge_device_v1_TelemetryAck__Output>): grpc.ClientUnaryCall;
  PushTelemetry(argument: _verge_device_v1_TelemetryBatch, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_TelemetryAck__Output>): grpc.ClientUnaryCall;
  PushTelemetry(argument: _verge_device_v1_TelemetryBatch, callback: grpc.requestCallback<_verge_device_v1_TelemetryAck__Output>): grpc.ClientUnaryCall;
  pushTelemetry(argument: _verge_device_v1_TelemetryBatch, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_TelemetryAck__Output>): grpc.ClientUnaryCall;
  pushTelemetry(argument: _verge_device_v1_TelemetryBatch, metadata: grpc.Metadata, callback: grpc.requestCallback<_verge_device_v1_TelemetryAck__Output>): grpc.ClientUnaryCall;
  pushTelemetry(argument: _verge_device_v1_TelemetryBatch, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_TelemetryAck__Output>): grpc.ClientUnaryCall;
  pushTelemetry(argument: _verge_device_v1_TelemetryBatch, callback: grpc.requestCallback<_verge_device_v1_TelemetryAck__Output>): grpc.ClientUnaryCall;
  
  Renew(argument: _verge_device_v1_RenewRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_RenewReply__Output>): grpc.ClientUnaryCall;
  Renew(argument: _verge_device_v1_RenewRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_verge_device_v1_RenewReply__Output>): grpc.ClientUnaryCall;
  Renew(argument: _verge_device_v1_RenewRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_RenewReply__Output>): grpc.ClientUnaryCall;
  Renew(argument: _verge_device_v1_RenewRequest, callback: grpc.requestCallback<_verge_device_v1_RenewReply__Output>): grpc.ClientUnaryCall;
  renew(argument: _verge_device_v1_RenewRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_RenewReply__Output>): grpc.ClientUnaryCall;
  renew(argument: _verge_device_v1_RenewRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_verge_device_v1_RenewReply__Output>): grpc.ClientUnaryCall;
  renew(argument: _verge_device_v1_RenewRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_RenewReply__Output>): grpc.ClientUnaryCall;
  renew(argument: _verge_device_v1_RenewRequest, callback: grpc.requestCallback<_verge_device_v1_RenewReply__Output>): grpc.ClientUnaryCall;
  
  Report(argument: _verge_device_v1_StatusReport, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_ReportReply__Output>): grpc.ClientUnaryCall;
  Report(argument: _verge_device_v1_StatusReport, metadata: grpc.Metadata, callback: grpc.requestCallback<_verge_device_v1_ReportReply__Output>): grpc.ClientUnaryCall;
  Report(argument: _verge_device_v1_StatusReport, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_ReportReply__Output>): grpc.ClientUnaryCall;
  Report(argument: _verge_device_v1_StatusReport, callback: grpc.requestCallback<_verge_device_v1_ReportReply__Output>): grpc.ClientUnaryCall;
  report(argument: _verge_device_v1_StatusReport, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_ReportReply__Output>): grpc.ClientUnaryCall;
  report(argument: _verge_device_v1_StatusReport, metadata: grpc.Metadata, callback: grpc.requestCallback<_verge_device_v1_ReportReply__Output>): grpc.ClientUnaryCall;
  report(argument: _verge_device_v1_StatusReport, options: grpc.CallOptions, callback: grpc.requestCallback<_verge_device_v1_ReportReply__Output>): grpc.ClientUnaryCall;
  report(argument: _verge_device_v1_StatusReport, callback: grpc.requestCallback<_verge_device_v1_ReportReply__Output>): grpc.ClientUnaryCall;
  
  Watch(argument: _verge_device_v1_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_verge_device_v1_DesiredState__Output>;
  Watch(argument: _verge_device_v1_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_verge_device_v1_DesiredState__Output>;
  watch(argument: _verge_device_v1_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_verge_device_v1_DesiredState__Output>;
  watch(argument: _verge_device_v1_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_verge_device_v1_DesiredState__Output>;
  
}

export interface DeviceHandlers extends grpc.UntypedServiceImplementation {
  Download: grpc.handleServerStreamingCall<_verge_device_v1_DownloadRequest__Output, _verge_device_v1_Chunk>;
  
  GetMetadata: grpc.handleUnaryCall<_verge_device_v1_MetadataRequest__Output, _verge_device_v1_MetadataReply>;
  
  PushTelemetry: grpc.handleUnaryCall<_verge_device_v1_TelemetryBatch__Output, _verge_device_v1_TelemetryAck>;
  
  Renew: grpc.handleUnaryCall<_verge_device_v1_RenewRequest__Output, _verge_device_v1_RenewReply>;
  
  Report: grpc.handleUnaryCall<_verge_device_v1_StatusReport__Output, _verge_device_v1_ReportReply>;
  
  Watch: grpc.handleServerStreamingCall<_verge_device_v1_WatchRequest__Output, _verge_device_v1_DesiredState>;
  
}

export interface DeviceDefinition extends grpc.ServiceDefinition {
  Download: MethodDefinition<_verge_device_v1_DownloadRequest, _verge_device_v1_Chunk, _verge_device_v1_DownloadRequest__Output, _verge_device_v1_Chunk__Output>
  GetMetadata: MethodDefinition<_verge_device_v1_MetadataRequest, _verge_device_v1_MetadataReply, _verge_device_v1_MetadataRequest__Output, _verge_device_v1_MetadataReply__Output>
  PushTelemetry: MethodDefinition<_verge_device_v1_TelemetryBatch, _verge_device_v1_TelemetryAck, _verge_device_v1_TelemetryBatch__Output, _verge_device_v1_TelemetryAck__Output>
  Renew: MethodDefinition<_verge_device_v1_RenewRequest, _verge_device_v1_RenewReply, _verge_device_v1_RenewRequest__Output, _verge_device_v1_RenewReply__Output>
  Report: MethodDefinition<_verge_device_v1_StatusReport, _verge_device_v1_ReportReply, _verge_device_v1_StatusReport__Output, _verge_device_v1_ReportReply__Output>
  Watch: MethodDefinition<_verge_device_v1_WatchRequest, _verge_device_v1_DesiredState, _verge_device_v1_WatchRequest__Output, _verge_device_v1_DesiredState__Output>
}
