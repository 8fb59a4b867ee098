/** Names of devices: friendly names, which may have `/` in them; and the bridge itself. */

export interface Naming {
  base: string
  /** Name of the bridge as a device. */
  bridge: string
  device(friendlyName: string): string
  /** null: it is none of this bridge. */
  friendlyName(device: string): string | null
}

export const createNaming = (base: string, isBaseInName: boolean): Naming => ({
  base,
  bridge: `${base}/bridge`,
  device: (friendlyName) => (isBaseInName ? `${base}/${friendlyName}` : friendlyName),
  friendlyName: (device) => {
    if (!isBaseInName) return device
    return device.startsWith(`${base}/`) ? device.slice(base.length + 1) : null
  }
})
