import type { DesiredNetwork } from '../../firmware/netd/desired.ts';
import type { LinkOperation, ObservedNetwork, Plan } from '../../firmware/netd/diff.ts';
import type { ObservedLink, ObservedRoute } from '../../firmware/netd/observed.ts';

const counters = { receivedBytes: 0, sentBytes: 0, receivedPackets: 0, sentPackets: 0 };

export function link(name: string, change: Partial<ObservedLink> = {}): ObservedLink {
  return {
    name,
    kind: null,
    up: false,
    carrier: 'down',
    master: null,
    mtu: 1500,
    mac: null,
    addresses: [],
    counters,
    ...change,
  };
}

/** A model of the kernel, much simpler than it, for what plans do: the slow way of saying what each step means. */
export class KernelModel {
  readonly links = new Map<string, ObservedLink>();
  routes: ObservedRoute[] = [];
  readonly values = new Map<string, string>();
  readonly bounced = new Set<string>();
  /** Of VLANs. */
  readonly parents = new Map<string, string>();

  observe(desired: DesiredNetwork): ObservedNetwork {
    const exists = (path: string) =>
      !path.includes('/conf/') ||
      [...this.links.keys(), 'all', 'default'].some((name) => path.includes(`/conf/${name}/`));
    const read = (path: string) => (exists(path) ? (this.values.get(path) ?? 'unset') : null);
    return {
      links: [...this.links.values()],
      routes: this.routes,
      announced: [],
      kernelValues: new Map(desired.kernelValues.map(({ path }) => [path, read(path)])),
      queues: new Map(
        [...this.links.keys()].map((name) => {
          const path = `/sys/class/net/${name}/queues/rx-0/rps_cpus`;
          return [name, new Map([[path, this.values.get(path) ?? '00000000,00000000']])];
        }),
      ),
    };
  }

  #change(name: string, change: Partial<ObservedLink>): void {
    const found = this.links.get(name);
    if (found === undefined) throw new Error(`no such link: ${name}`);
    this.links.set(name, { ...found, ...change });
  }

  #addresses(name: string): ObservedLink['addresses'] {
    return this.links.get(name)?.addresses ?? [];
  }

  apply(step: LinkOperation): void {
    switch (step.do) {
      case 'create-bridge':
        if (this.links.has(step.link)) throw new Error('exists');
        this.links.set(step.link, link(step.link, { kind: 'bridge' }));
        break;
      case 'create-vlan':
        if (!this.links.has(step.parent) || this.links.has(step.link))
          throw new Error('no parent, or exists');
        this.links.set(step.link, link(step.link, { kind: 'vlan' }));
        this.parents.set(step.link, step.parent);
        break;
      case 'delete-link':
        this.links.delete(step.link);
        for (const other of this.links.values())
          if (other.master === step.link) this.#change(other.name, { master: null });
        break;
      case 'set-master':
        if (step.to !== null && !this.links.has(step.to)) throw new Error('no such master');
        this.bounced.add(step.link);
        this.#change(step.link, { master: step.to });
        break;
      case 'set-mtu':
        this.#change(step.link, { mtu: step.to });
        break;
      case 'set-up':
        this.bounced.add(step.link);
        if (step.up && this.links.get(this.parents.get(step.link) ?? step.link)?.up === false) {
          if (this.parents.has(step.link)) throw new Error('network is down');
        }
        this.#change(step.link, { up: step.up });
        if (!step.up) this.routes = this.routes.filter((route) => route.link !== step.link);
        break;
      case 'add-address': {
        const [address = '', length] = step.address.split('/');
        if (this.#addresses(step.link).some((one) => one.address === address)) throw new Error('exists');
        const added = {
          family: address.includes(':') ? (6 as const) : (4 as const),
          address,
          prefixLength: Number(length),
          scope: 'global',
          usable: true,
        };
        this.#change(step.link, { addresses: [...this.#addresses(step.link), added] });
        break;
      }
      case 'delete-address': {
        const kept = this.#addresses(step.link).filter(
          (one) => `${one.address}/${one.prefixLength}` !== step.address,
        );
        if (kept.length === this.#addresses(step.link).length) throw new Error('no such address');
        this.#change(step.link, { addresses: kept });
        if (kept.every(({ family }) => family === 6))
          this.routes = this.routes.filter((route) => route.link !== step.link);
        break;
      }
      case 'replace-route': {
        if (!this.links.get(step.route.link)?.up) throw new Error('network is down');
        const { destination, metric } = step.route;
        this.routes = this.routes.filter(
          (route) => route.destination !== destination || route.metric !== metric,
        );
        this.routes.push(step.route);
        break;
      }
      case 'delete-route': {
        const kept = this.routes.filter((route) => JSON.stringify(route) !== JSON.stringify(step.route));
        if (kept.length === this.routes.length) throw new Error('no such route');
        this.routes = kept;
        break;
      }
    }
  }

  run(plan: Plan): void {
    for (const { path, to } of plan.before) this.values.set(path, to);
    for (const step of plan.batch) this.apply(step);
    for (const { path, to } of plan.after) this.values.set(path, to);
  }
}

/** A machine with four NICs that nothing is set up on. */
export function machine(): KernelModel {
  const model = new KernelModel();
  for (const name of ['lo', 'eth0', 'eth1', 'eth2', 'eth3']) model.links.set(name, link(name));
  return model;
}
