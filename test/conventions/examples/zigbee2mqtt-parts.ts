/** What a lamp can do, as zigbee2mqtt describes it. */

export const exposesOfLight = [
  {
    type: 'light',
    features: [
      { type: 'binary', name: 'state', property: 'state', value_on: 'ON', value_off: 'OFF', access: 7 },
      {
        type: 'numeric',
        name: 'brightness',
        property: 'brightness',
        value_min: 0,
        value_max: 254,
        access: 7
      },
      { type: 'numeric', name: 'color_temp', property: 'color_temp', unit: 'mired', access: 7 },
      {
        type: 'composite',
        name: 'color_hs',
        property: 'color',
        features: [{ type: 'numeric', name: 'hue', property: 'hue', unit: '°', access: 7 }]
      }
    ]
  },
  { type: 'numeric', name: 'linkquality', property: 'linkquality', unit: 'lqi', access: 1 }
]
