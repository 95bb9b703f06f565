import type { PolicySettings } from '../firmware/store/policy-schema.ts';

/** Everything may talk to everything, for worlds in which it is not the policy that is tried. */
export const openPolicy: PolicySettings = {
  labels: [],
  peerLabels: {},
  devices: [],
  rules: [{ id: 'everything', subject: 'any', verb: 'allow', object: 'any' }],
  unknownDevices: 'permitted',
};
