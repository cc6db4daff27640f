import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import type { Server } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createAuthority,
  createDeviceRequest,
  issueDeviceCertificate,
  issueServerCertificate,
  readDeviceIdentity,
} from './index.js';
import type { Authority } from './index.js';

const day = 24 * 60 * 60 * 1000;

let authority: Authority;
/** Refuses as the control plane does: during the handshake, or by closing right after it. */
let strict: Server;
/** Lets everybody in and answers why it should not have: node:tls tells a refused client nothing. */
let lenient: Server;

beforeAll(async () => {
  authority = await createAuthority({ commonName: 'Verge devices' });
  const own = await issueServerCertificate(authority, {
    commonName: 'control plane',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
  });
  const options = { key: own.privateKeyPem, cert: own.certificatePem, ca: authority.certificatePem, requestCert: true };
  strict = createServer({ ...options, rejectUnauthorized: true }, (socket) => {
    const { deviceId, projectId } = readDeviceIdentity(socket.getPeerCertificate().raw);
    socket.end(`${projectId}/${deviceId}`);
  });
  lenient = createServer({ ...options, rejectUnauthorized: false }, (socket) => {
    socket.end(socket.authorized ? 'authorized' : String(socket.authorizationError));
  });
  for (const server of [strict, lenient]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
});

afterAll(async () => {
  for (const server of [strict, lenient]) {
    server.close();
    await once(server, 'close');
  }
});

interface Client {
  key?: string;
  cert?: string;
}

/** Connects and gives what the server answered; fails as the client sees it. */
function talk(client: Client, server = strict, ca = authority.certificatePem): Promise<string> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ host: '127.0.0.1', port, ca, servername: 'localhost', ...client });
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('error', reject);
    socket.on('close', () => (answer === '' ? reject(new Error('closed without an answer')) : resolve(answer)));
  });
}

async function refused(client: Client, reason: string): Promise<void> {
  await expect(talk(client)).rejects.toThrow();
  expect(await talk(client, lenient)).toBe(reason);
}

async function device(options: { by?: Authority; days?: number; now?: Date } = {}): Promise<Client> {
  const request = await createDeviceRequest({ commonName: 'device' });
  const { by = authority, ...rest } = options;
  const names = { deviceId: 'd1', projectId: 'p1' };
  const { certificatePem } = await issueDeviceCertificate(by, request.csrPem, { ...names, ...rest });
  return { key: request.privateKeyPem, cert: certificatePem };
}

describe('mutual TLS', () => {
  it('lets a device in and knows who it is', async () => {
    const client = await device();
    expect(await talk(client)).toBe('p1/d1');
    expect(await talk(client, lenient)).toBe('authorized');
  });

  it('refuses a client without a certificate', async () => {
    await expect(talk({})).rejects.toThrow();
  });

  it('refuses a certificate of another authority, also one of the same name', async () => {
    const stranger = await createAuthority({ commonName: 'Somebody' });
    await refused(await device({ by: stranger }), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    const twin = await createAuthority({ commonName: 'Verge devices' });
    await refused(await device({ by: twin }), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
  });

  it('refuses an expired certificate', async () => {
    const issued = new Date(Date.now() - 10 * day);
    await refused(await device({ days: 1, now: issued }), 'CERT_HAS_EXPIRED');
  });

  it('refuses a server certificate in the place of a device certificate', async () => {
    const own = await issueServerCertificate(authority, { commonName: 'x', dnsNames: ['x.example.org'] });
    await refused({ key: own.privateKeyPem, cert: own.certificatePem }, 'INVALID_PURPOSE');
  });

  it('lets the device refuse a server of another authority', async () => {
    const foreign = await createAuthority({ commonName: 'Somebody' });
    // Node adds the issuer that it knows to the chain that it sends.
    await expect(talk(await device(), strict, foreign.certificatePem)).rejects.toMatchObject({
      code: 'SELF_SIGNED_CERT_IN_CHAIN',
    });
  });
});
