/** What a machine says it is (SMBIOS specification DSP0134, types 0 to 3), in the words of QEMU's -smbios option. */
export type SmbiosIdentity = {
  readonly bios?: { readonly vendor?: string; readonly version?: string };
  readonly system?: {
    readonly manufacturer?: string;
    readonly product?: string;
    readonly serial?: string;
    readonly uuid?: string;
  };
  readonly board?: { readonly manufacturer?: string; readonly product?: string; readonly serial?: string };
  readonly chassis?: { readonly manufacturer?: string; readonly serial?: string; readonly asset?: string };
};

const tableTypes = { bios: 0, system: 1, board: 2, chassis: 3 } as const;

/** QEMU reads a doubled comma as a comma. */
const quote = (value: string) => value.replaceAll(',', ',,');

export function smbiosArguments(identity: SmbiosIdentity): string[] {
  return (['bios', 'system', 'board', 'chassis'] as const).flatMap((table) => {
    const fields = Object.entries(identity[table] ?? {}).map(([name, value]) => `${name}=${quote(value)}`);
    return fields.length === 0 ? [] : ['-smbios', [`type=${tableTypes[table]}`, ...fields].join(',')];
  });
}

/** The strings that these clouds document and that cloud-init's ds-identify goes by, and one real gateway box. */
export const disguises = {
  aws: {
    bios: { vendor: 'Amazon EC2', version: '1.0' },
    system: {
      manufacturer: 'Amazon EC2',
      product: 'm7i.large',
      serial: 'ec2a6f5c-2f4b-4c8e-9d21-7b1a9c0d3e4f',
      uuid: 'ec2a6f5c-2f4b-4c8e-9d21-7b1a9c0d3e4f',
    },
    board: { manufacturer: 'Amazon EC2', product: 'Not Specified' },
    chassis: { manufacturer: 'Amazon EC2', asset: 'i-0123456789abcdef0' },
  },
  azure: {
    bios: { vendor: 'Microsoft Corporation', version: 'Hyper-V UEFI Release v4.1' },
    system: { manufacturer: 'Microsoft Corporation', product: 'Virtual Machine' },
    chassis: { manufacturer: 'Microsoft Corporation', asset: '7783-7084-3265-9085-8269-3286-77' },
  },
  gcp: {
    bios: { vendor: 'Google', version: 'Google' },
    system: {
      manufacturer: 'Google',
      product: 'Google Compute Engine',
      serial: 'GoogleCloud-4F1E2D3C4B5A69788796A5B4C3D2E1F0',
    },
    board: { manufacturer: 'Google', product: 'Google Compute Engine' },
    chassis: { manufacturer: 'Google' },
  },
  alibaba: {
    bios: { vendor: 'SeaBIOS', version: '449e491' },
    system: { manufacturer: 'Alibaba Cloud', product: 'Alibaba Cloud ECS' },
    chassis: { manufacturer: 'Alibaba Cloud' },
  },
  oracle: {
    system: { manufacturer: 'QEMU', product: 'Standard PC (Q35 + ICH9, 2009)' },
    chassis: { manufacturer: 'QEMU', asset: 'OracleCloud.com' },
  },
  openstack: {
    system: { manufacturer: 'OpenStack Foundation', product: 'OpenStack Nova' },
  },
  protectli: {
    bios: { vendor: 'coreboot', version: 'Dasharo (coreboot+UEFI) v1.2.0' },
    system: { manufacturer: 'Protectli', product: 'VP2420', serial: '0123456789' },
    board: { manufacturer: 'Protectli', product: 'VP2420' },
  },
} as const satisfies Record<string, SmbiosIdentity>;
