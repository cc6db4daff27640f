// @peculiar/x509 resolves its parts through tsyringe, which needs the Reflect metadata API to be there first.
import 'reflect-metadata';

export * from '@peculiar/x509';
