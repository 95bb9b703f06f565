/** What somebody may do, from looking to everything that makes the box another one's. Each is given by itself. */
export const accesses = ['read', 'diagnose', 'change', 'own'] as const;
export type Access = (typeof accesses)[number];

export const roles = ['viewer', 'operator', 'owner'] as const;
export type Role = (typeof roles)[number];

export const accessesOfRole: Readonly<Record<Role, readonly Access[]>> = {
  viewer: ['read'],
  operator: ['read', 'diagnose', 'change'],
  owner: accesses,
};

/** Who asks, as far as it is proven; holds no secrets. */
export type Actor =
  | { readonly kind: 'nobody' }
  /** The socket that only the box's root may open. */
  | { readonly kind: 'command line' }
  | {
      readonly kind: 'user';
      readonly name: string;
      readonly role: Role;
      /** Whether the password was given again a moment ago. */
      readonly confirmed: boolean;
    }
  | {
      readonly kind: 'token';
      readonly id: string;
      readonly name: string;
      readonly access: readonly Access[];
    };

export function accessesOf(actor: Actor): readonly Access[] {
  switch (actor.kind) {
    case 'nobody':
      return [];
    case 'command line':
      return accesses;
    case 'user':
      return accessesOfRole[actor.role];
    case 'token':
      return actor.access;
  }
}

/** As it stands in the audit and as author of a change of settings. */
export function nameOf(actor: Actor): string {
  switch (actor.kind) {
    case 'nobody':
      return 'nobody';
    case 'command line':
      return 'command line';
    case 'user':
      return actor.name;
    case 'token':
      return `token ${actor.name}`;
  }
}
