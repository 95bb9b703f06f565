/** What went wrong around a machine, in words for the person who ran it. */
export class HarnessError extends Error {
  override readonly name = 'HarnessError';
  /**
   * `missing`: a program or file of the host is not there; `timeout`: the guest did not do it in time; `ended`: the
   * machine ended while something waited for it; `refused`: QEMU or the guest said no; `usage`: a wrong request.
   */
  readonly code: 'missing' | 'timeout' | 'ended' | 'refused' | 'usage';

  constructor(code: HarnessError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
