/** What a body may look like where its schema alone does not say it; by the operation's name. */
export const examples: Readonly<Record<string, unknown>> = {
  postClaim: { code: 'K7QF-3M2X', password: 'seven herons over the quay', name: 'admin' },
  postSession: { name: 'admin', password: 'seven herons over the quay' },
  postConfigDraft: { path: 'overlay.peers["plant 2"].uri', value: 'hip://plant2.example/2001:22::7' },
  postConfigApply: { seconds: 120, automatic: true },
  postConfigPlan: { document: { version: 1, hostname: 'gate-hamburg' } },
  postConfigRevert: { revision: 12 },
  postPolicyMode: { ids: ['cameras-to-recorder'], mode: 'enforce' },
  postDevicesLabel: { name: 'press', labels: ['line 1', 'machines'] },
  postDiagnosticsPing: { from: 'press', to: 'plant 2', count: 3 },
  postDiagnosticsTraceroute: { to: '192.0.2.7', underlay: false },
  postDiagnosticsCapture: { link: 'tunnel', filter: 'tcp and port 443', seconds: 30 },
};
