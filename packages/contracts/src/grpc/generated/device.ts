import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Chunk as _verge_device_v1_Chunk, Chunk__Output as _verge_device_v1_Chunk__Output } from './verge/device/v1/Chunk.js';
import type { ClassCount as _verge_device_v1_ClassCount, ClassCount__Output as _verge_device_v1_ClassCount__Output } from './verge/device/v1/ClassCount.js';
import type { DesiredState as _verge_device_v1_DesiredState, DesiredState__Output as _verge_device_v1_DesiredState__Output } from './verge/device/v1/DesiredState.js';
import type { DeviceClient as _verge_device_v1_DeviceClient, DeviceDefinition as _verge_device_v1_DeviceDefinition } from './verge/device/v1/Device.js';
import type { DownloadRequest as _verge_device_v1_DownloadRequest, DownloadRequest__Output as _verge_device_v1_DownloadRequest__Output } from './verge/device/v1/DownloadRequest.js';
import type { Encoding as _verge_device_v1_Encoding, Encoding__Output as _verge_device_v1_Encoding__Output } from './verge/device/v1/Encoding.js';
import type { EnrollReply as _verge_device_v1_EnrollReply, EnrollReply__Output as _verge_device_v1_EnrollReply__Output } from './verge/device/v1/EnrollReply.js';
import type { EnrollRequest as _verge_device_v1_EnrollRequest, EnrollRequest__Output as _verge_device_v1_EnrollRequest__Output } from './verge/device/v1/EnrollRequest.js';
import type { EnrollmentClient as _verge_device_v1_EnrollmentClient, EnrollmentDefinition as _verge_device_v1_EnrollmentDefinition } from './verge/device/v1/Enrollment.js';
import type { FeatureSketch as _verge_device_v1_FeatureSketch, FeatureSketch__Output as _verge_device_v1_FeatureSketch__Output } from './verge/device/v1/FeatureSketch.js';
import type { MetadataReply as _verge_device_v1_MetadataReply, MetadataReply__Output as _verge_device_v1_MetadataReply__Output } from './verge/device/v1/MetadataReply.js';
import type { MetadataRequest as _verge_device_v1_MetadataRequest, MetadataRequest__Output as _verge_device_v1_MetadataRequest__Output } from './verge/device/v1/MetadataRequest.js';
import type { RenewExpiredRequest as _verge_device_v1_RenewExpiredRequest, RenewExpiredRequest__Output as _verge_device_v1_RenewExpiredRequest__Output } from './verge/device/v1/RenewExpiredRequest.js';
import type { RenewReply as _verge_device_v1_RenewReply, RenewReply__Output as _verge_device_v1_RenewReply__Output } from './verge/device/v1/RenewReply.js';
import type { RenewRequest as _verge_device_v1_RenewRequest, RenewRequest__Output as _verge_device_v1_RenewRequest__Output } from './verge/device/v1/RenewRequest.js';
import type { ReportReply as _verge_device_v1_ReportReply, ReportReply__Output as _verge_device_v1_ReportReply__Output } from './verge/device/v1/ReportReply.js';
import type { StatusReport as _verge_device_v1_StatusReport, StatusReport__Output as _verge_device_v1_StatusReport__Output } from './verge/device/v1/StatusReport.js';
import type { Target as _verge_device_v1_Target, Target__Output as _verge_device_v1_Target__Output } from './verge/device/v1/Target.js';
import type { TelemetryAck as _verge_device_v1_TelemetryAck, TelemetryAck__Output as _verge_device_v1_TelemetryAck__Output } from './verge/device/v1/TelemetryAck.js';
import type { TelemetryBatch as _verge_device_v1_TelemetryBatch, TelemetryBatch__Output as _verge_device_v1_TelemetryBatch__Output } from './verge/device/v1/TelemetryBatch.js';
import type { TelemetryRecord as _verge_device_v1_TelemetryRecord, TelemetryRecord__Output as _verge_device_v1_TelemetryRecord__Output } from './verge/device/v1/TelemetryRecord.js';
import type { WatchRequest as _verge_device_v1_WatchRequest, WatchRequest__Output as _verge_device_v1_WatchRequest__Output } from './verge/device/v1/WatchRequest.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  verge: {
    device: {
      v1: {
        Chunk: MessageTypeDefinition<_verge_device_v1_Chunk, _verge_device_v1_Chunk__Output>
        ClassCount: MessageTypeDefinition<_verge_device_v1_ClassCount, _verge_device_v1_ClassCount__Output>
        DesiredState: MessageTypeDefinition<_verge_device_v1_DesiredState, _verge_device_v1_DesiredState__Output>
        Device: SubtypeConstructor<typeof grpc.Client, _verge_device_v1_DeviceClient> & { service: _verge_device_v1_DeviceDefinition }
        DownloadRequest: MessageTypeDefinition<_verge_device_v1_DownloadRequest, _verge_device_v1_DownloadRequest__Output>
        Encoding: MessageTypeDefinition<_verge_device_v1_Encoding, _verge_device_v1_Encoding__Output>
        EnrollReply: MessageTypeDefinition<_verge_device_v1_EnrollReply, _verge_device_v1_EnrollReply__Output>
        EnrollRequest: MessageTypeDefinition<_verge_device_v1_EnrollRequest, _verge_device_v1_EnrollRequest__Output>
        Enrollment: SubtypeConstructor<typeof grpc.Client, _verge_device_v1_EnrollmentClient> & { service: _verge_device_v1_EnrollmentDefinition }
        FeatureSketch: MessageTypeDefinition<_verge_device_v1_FeatureSketch, _verge_device_v1_FeatureSketch__Output>
        MetadataReply: MessageTypeDefinition<_verge_device_v1_MetadataReply, _verge_device_v1_MetadataReply__Output>
        MetadataRequest: MessageTypeDefinition<_verge_device_v1_MetadataRequest, _verge_device_v1_MetadataRequest__Output>
        RenewExpiredRequest: MessageTypeDefinition<_verge_device_v1_RenewExpiredRequest, _verge_device_v1_RenewExpiredRequest__Output>
        RenewReply: MessageTypeDefinition<_verge_device_v1_RenewReply, _verge_device_v1_RenewReply__Output>
        RenewRequest: MessageTypeDefinition<_verge_device_v1_RenewRequest, _verge_device_v1_RenewRequest__Output>
        ReportReply: MessageTypeDefinition<_verge_device_v1_ReportReply, _verge_device_v1_ReportReply__Output>
        StatusReport: MessageTypeDefinition<_verge_device_v1_StatusReport, _verge_device_v1_StatusReport__Output>
        Target: MessageTypeDefinition<_verge_device_v1_Target, _verge_device_v1_Target__Output>
        TelemetryAck: MessageTypeDefinition<_verge_device_v1_TelemetryAck, _verge_device_v1_TelemetryAck__Output>
        TelemetryBatch: MessageTypeDefinition<_verge_device_v1_TelemetryBatch, _verge_device_v1_TelemetryBatch__Output>
        TelemetryRecord: MessageTypeDefinition<_verge_device_v1_TelemetryRecord, _verge_device_v1_TelemetryRecord__Output>
        WatchRequest: MessageTypeDefinition<_verge_device_v1_WatchRequest, _verge_device_v1_WatchRequest__Output>
      }
    }
  }
}

