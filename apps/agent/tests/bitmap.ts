/** An uncompressed 24-bit bitmap (BITMAPINFOHEADER), rows bottom-up and padded to four bytes. */
export function bitmap(gray: readonly (readonly number[])[]): Buffer {
  const [height, width] = [gray.length, gray[0]!.length];
  const stride = Math.ceil((width * 3) / 4) * 4;
  const bytes = Buffer.alloc(54 + stride * height);
  bytes.write('BM');
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(54, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(height, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  gray.forEach((row, y) =>
    row.forEach((v, x) =>
      bytes.fill(v, 54 + stride * (height - 1 - y) + 3 * x, 54 + stride * (height - 1 - y) + 3 * x + 3),
    ),
  );
  return bytes;
}
