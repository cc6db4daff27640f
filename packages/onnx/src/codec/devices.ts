/** Multi-device annotations: NodeDeviceConfigurationProto, ShardingSpecProto and DeviceConfigurationProto. */
import type { DeviceConfiguration, Dim, NodeDeviceConfiguration, ShardingSpec, SimpleShardedDim } from '../ir.js';
import { BYTES, VARINT, type Reader } from './wire.js';
import type { Writer } from './writer.js';

/** Repeated int64, packed or not; written unpacked, as proto2 does. */
function readInts(reader: Reader, wire: number, into: number[]): boolean {
  if (wire === VARINT) into.push(reader.int53());
  else if (wire === BYTES) reader.packed(() => into.push(reader.int53()));
  else return false;
  return true;
}

function readSimpleDim(reader: Reader): SimpleShardedDim {
  let dim: Dim = null;
  let shards: number | undefined;
  reader.fieldsOnly('SimpleShardedDimProto', (field, wire) => {
    if (field === 1 && wire === VARINT) dim = reader.int53();
    else if (field === 2 && wire === BYTES) dim = reader.string();
    else if (field === 3 && wire === VARINT) shards = reader.int53();
    else return false;
    return true;
  });
  return { dim, ...(shards !== undefined && { shards }) };
}

function readShardedDim(reader: Reader): ShardingSpec['dims'][number] {
  let axis: number | undefined;
  const sharding: SimpleShardedDim[] = [];
  reader.fieldsOnly('ShardedDimProto', (field, wire) => {
    if (field === 1 && wire === VARINT) axis = reader.int53();
    else if (field === 2 && wire === BYTES) sharding.push(reader.nested(readSimpleDim));
    else return false;
    return true;
  });
  return { ...(axis !== undefined && { axis }), sharding };
}

function readGroup(reader: Reader): ShardingSpec['deviceGroups'][number] {
  let key: number | undefined;
  const devices: number[] = [];
  reader.fieldsOnly('IntIntListEntryProto', (field, wire) => {
    if (field === 1 && wire === VARINT) {
      key = reader.int53();
      return true;
    }
    return field === 2 && readInts(reader, wire, devices);
  });
  return { ...(key !== undefined && { key }), devices };
}

function readSharding(reader: Reader): ShardingSpec {
  let tensor: string | undefined;
  const devices: number[] = [];
  const deviceGroups: ShardingSpec['deviceGroups'][number][] = [];
  const dims: ShardingSpec['dims'][number][] = [];
  reader.fieldsOnly('ShardingSpecProto', (field, wire) => {
    if (field === 2) return readInts(reader, wire, devices);
    if (wire !== BYTES) return false;
    if (field === 1) tensor = reader.string();
    else if (field === 3) deviceGroups.push(reader.nested(readGroup));
    else if (field === 4) dims.push(reader.nested(readShardedDim));
    else return false;
    return true;
  });
  return { ...(tensor !== undefined && { tensor }), devices, deviceGroups, dims };
}

export function readNodeDevices(reader: Reader): NodeDeviceConfiguration {
  const sharding: ShardingSpec[] = [];
  const found: { configuration?: string; pipelineStage?: number } = {};
  reader.fieldsOnly('NodeDeviceConfigurationProto', (field, wire) => {
    if (field === 1 && wire === BYTES) found.configuration = reader.string();
    else if (field === 2 && wire === BYTES) sharding.push(reader.nested(readSharding));
    else if (field === 3 && wire === VARINT) found.pipelineStage = reader.int32();
    else return false;
    return true;
  });
  return { ...found, sharding };
}

function writeSharding(writer: Writer, spec: ShardingSpec): void {
  if (spec.tensor !== undefined) writer.string(1, spec.tensor);
  for (const device of spec.devices) writer.int(2, device);
  for (const { key, devices } of spec.deviceGroups) {
    writer.message(3, () => {
      if (key !== undefined) writer.int(1, key);
      for (const device of devices) writer.int(2, device);
    });
  }
  for (const { axis, sharding } of spec.dims) {
    writer.message(4, () => {
      if (axis !== undefined) writer.int(1, axis);
      for (const { dim, shards } of sharding) {
        writer.message(2, () => {
          if (typeof dim === 'number') writer.int(1, dim);
          else if (typeof dim === 'string') writer.string(2, dim);
          if (shards !== undefined) writer.int(3, shards);
        });
      }
    });
  }
}

export function writeNodeDevices(writer: Writer, devices: NodeDeviceConfiguration): void {
  if (devices.configuration !== undefined) writer.string(1, devices.configuration);
  for (const spec of devices.sharding) writer.message(2, () => writeSharding(writer, spec));
  if (devices.pipelineStage !== undefined) writer.int(3, devices.pipelineStage);
}

export function readDevices(reader: Reader): DeviceConfiguration {
  const found: { name?: string; count?: number } = {};
  const devices: string[] = [];
  reader.fieldsOnly('DeviceConfigurationProto', (field, wire) => {
    if (field === 1 && wire === BYTES) found.name = reader.string();
    else if (field === 2 && wire === VARINT) found.count = reader.int32();
    else if (field === 3 && wire === BYTES) devices.push(reader.string());
    else return false;
    return true;
  });
  return { ...found, devices };
}

export function writeDevices(writer: Writer, devices: DeviceConfiguration): void {
  if (devices.name !== undefined) writer.string(1, devices.name);
  if (devices.count !== undefined) writer.int(2, devices.count);
  for (const device of devices.devices) writer.string(3, device);
}
