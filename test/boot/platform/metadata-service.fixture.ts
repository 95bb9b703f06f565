// Runs in a network namespace: the metadata services of the clouds at their real addresses.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { metadataService, type ServiceRequest } from './metadata-service.ts';

const servers = [
  createServer(metadataService.linkLocal).listen(80, '169.254.169.254'),
  createServer(metadataService.alibaba).listen(80, '100.100.100.200'),
];
for await (const line of createInterface(process.stdin)) {
  metadataService.become(JSON.parse(line) as ServiceRequest);
  process.stdout.write('{"ready":true}\n');
}
for (const server of servers) server.close();
process.exit(0);
