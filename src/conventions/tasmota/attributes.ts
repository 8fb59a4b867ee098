/** Members of INFO1 to INFO3, HASS_STATE, Status, StatusFWR and StatusNET that tell what a device is. */

const names = new Map([
  ['Module', 'model'],
  ['Module or Template', 'model'],
  ['Version', 'firmware'],
  ['BuildDateTime', 'buildDateTime'],
  ['Core', 'core'],
  ['SDK', 'sdk'],
  ['Hardware', 'hardware'],
  ['Hostname', 'hostname'],
  ['IPAddress', 'ip'],
  ['IP6Global', 'ip6'],
  ['Gateway', 'gateway'],
  ['Subnetmask', 'subnetMask'],
  ['DNSServer', 'dnsServer'],
  ['Mac', 'mac'],
  ['DeviceName', 'name'],
  ['FriendlyName', 'friendlyNames'],
  ['Topic', 'topic'],
  ['GroupTopic', 'groupTopic'],
  ['FallbackTopic', 'fallbackTopic'],
  ['RestartReason', 'restartReason']
])

/** In a STATUS answer the module is the number of a template, and says nothing. */
export function attributesOf(
  members: Record<string, unknown>,
  isStatus: boolean
): { attributes: Record<string, unknown>; rest: Record<string, unknown> } {
  const attributes: Array<[string, unknown]> = []
  const rest: Array<[string, unknown]> = []
  for (const [member, value] of Object.entries(members)) {
    const name = names.get(member)
    const isAttribute = name !== undefined && !(isStatus && name === 'model') && value !== ''
    if (isAttribute) attributes.push([name, name === 'friendlyNames' ? [value].flat() : value])
    else if (value !== '') rest.push([member, value])
  }
  return { attributes: Object.fromEntries(attributes), rest: Object.fromEntries(rest) }
}
