/** Short names of configuration variables: the page MQTT, section Supported abbreviations in MQTT discovery messages. */

import { defaultLimits } from '../../limits.ts'
import { isObject } from '../facts.ts'

const pairs = (text: string): Map<string, string> => {
  const words = text.trim().split(/\s+/)
  return new Map(words.flatMap((word, index) => (index % 2 === 0 ? [[word, words[index + 1]!]] : [])))
}

/** What topics and templates are for: `bri_cmd_t` is brightness, command, topic. */
const stems = pairs(`
  act action              avty availability       aux aux                 away_mode away_mode
  b blue                  bat_lev battery_level   bri brightness          chrg charging
  cln cleaning            clr_temp color_temp     clrm color_mode         cmd_off command_off
  cmd_on command_on       curr_hum current_humidity                       curr_temp current_temperature
  dir direction           dock docked             err error               fan_mode fan_mode
  fanspd fan_speed        fx effect               g green                 hold hold
  hs hs                   hum target_humidity     img image               json_attr json_attributes
  l_ver latest_version    lrst last_reset         mode mode               osc oscillation
  pause pause             pct percentage          pos position            pow power
  pr_mode preset_mode     r red                   rgb rgb                 rgbw rgbw
  rgbww rgbww             send send               set_fan_spd set_fan_speed
  set_pos set_position    spd speed               stat state              strt_mw start_mowing
  swing_h_mode swing_horizontal_mode              swing_mode swing_mode   temp temperature
  temp_hi temperature_high                        temp_lo temperature_low tilt tilt
  tilt_status tilt_status url url                 val value               whit white
  whit_val white_value    xy xy
`)

const endings = pairs(`
  cmd_t command_topic     cmd_tpl command_template                        stat_t state_topic
  stat_tpl state_template state_tpl state_template                        val_tpl value_template
  t topic                 tpl template
`)

/** All others, and those that are not as the above would have them. */
const words = pairs(`
  act_stat_t activity_state_topic                 act_val_tpl activity_value_template
  atype automation_type   av_tones available_tones                        avty availability
  avty_mode availability_mode                     bri_scl brightness_scale
  clr_temp_k color_temp_kelvin                    clrm color_mode         cmd_t command_topic
  cmd_tpl command_template                        cmps components         cod_arm_req code_arm_required
  cod_dis_req code_disarm_required                cod_form code_format    cod_trig_req code_trigger_required
  cont_type content_type  def_ent_id default_entity_id                    dev device
  dev_cla device_class    dock_cmd_t dock_command_topic                   dock_cmd_tpl dock_command_template
  dsp_prc display_precision                       e encoding              en enabled_by_default
  ent_cat entity_category ent_pic entity_picture  evt_typ event_types     exp_aft expire_after
  fanspd_lst fan_speed_list                       flsh flash              flsh_tlng flash_time_long
  flsh_tsht flash_time_short                      frc_upd force_update    fx_list effect_list
  grp group               ic icon                 img_e image_encoding    init initial
  json_attr json_attributes                       max_hum max_humidity    max_k max_kelvin
  max_mirs max_mireds     migr_discvry migrate_discovery                  min_hum min_humidity
  min_k min_kelvin        min_mirs min_mireds     o origin                obj_id object_id
  off_dly off_delay       on_cmd_type on_command_type                     ops options
  opt optimistic          p platform              pl payload              pl_arm_away payload_arm_away
  pl_arm_custom_b payload_arm_custom_bypass       pl_arm_home payload_arm_home
  pl_arm_nite payload_arm_night                   pl_arm_vacation payload_arm_vacation
  pl_avail payload_available                      pl_cln_sp payload_clean_spot
  pl_cls payload_close    pl_dir_fwd payload_direction_forward            pl_dir_rev payload_direction_reverse
  pl_disarm payload_disarm                        pl_hi_spd payload_high_speed
  pl_home payload_home    pl_inst payload_install pl_lo_spd payload_low_speed
  pl_loc payload_locate   pl_lock payload_lock    pl_med_spd payload_medium_speed
  pl_not_avail payload_not_available              pl_not_home payload_not_home
  pl_off payload_off      pl_off_spd payload_off_speed                    pl_on payload_on
  pl_open payload_open    pl_osc_off payload_oscillation_off              pl_osc_on payload_oscillation_on
  pl_paus payload_pause   pl_prs payload_press    pl_ret payload_return_to_base
  pl_rst payload_reset    pl_rst_hum payload_reset_humidity               pl_rst_mode payload_reset_mode
  pl_rst_pct payload_reset_percentage             pl_rst_pr_mode payload_reset_preset_mode
  pl_stop payload_stop    pl_stop_tilt payload_stop_tilt                  pl_stpa payload_start_pause
  pl_strt payload_start   pl_toff payload_turn_off                        pl_ton payload_turn_on
  pl_trig payload_trigger pl_unlk payload_unlock  pos reports_position    pos_clsd position_closed
  pos_open position_open  pr_modes preset_modes   prc precision           ptrn pattern
  rel_s release_summary   rel_u release_url       ret retain              spd_rng_max speed_range_max
  spd_rng_min speed_range_min                     spds speeds             src_type source_type
  stat_cla state_class    stat_closing state_closing                      stat_clsd state_closed
  stat_jam state_jammed   stat_locked state_locked                        stat_locking state_locking
  stat_off state_off      stat_on state_on        stat_open state_open    stat_opening state_opening
  stat_stopped state_stopped                      stat_t state_topic      stat_tpl state_template
  stat_unlocked state_unlocked                    stat_unlocking state_unlocking
  stat_val_tpl state_value_template               stype subtype           sug_dsp_prc suggested_display_precision
  sup_clrm supported_color_modes                  sup_dur support_duration
  sup_feat supported_features                     sup_vol support_volume_set
  t topic                 temp_unit temperature_unit                      tilt_clsd_val tilt_closed_value
  tilt_inv_stat tilt_invert_state                 tilt_opnd_val tilt_opened_value
  tilt_opt tilt_optimistic                        tit title               trns transition
  uniq_id unique_id       unit_of_meas unit_of_measurement                whit_scl white_scale
  whit_val_scl white_value_scale
`)

const deviceWords = pairs(`
  cns connections         cu configuration_url    hw hw_version           ids identifiers
  mdl model               mdl_id model_id         mf manufacturer         sa suggested_area
  sn serial_number        sw sw_version
`)

const originWords = pairs('sw sw_version url support_url')

type Members = Readonly<Record<string, unknown>>

/** Of one entity: none has half as many. Those behind are left out. */
const { discoveryVariablesMax: variablesMax } = defaultLimits

/** Own members whatever they are called; where the full name is there, too, the short one is taken, as there. */
const rename = (members: Members, full: (name: string) => string): Record<string, unknown> => {
  const entries = Object.entries(members).slice(0, variablesMax)
  return Object.fromEntries([
    ...entries.filter(([name]) => full(name) === name),
    ...entries.filter(([name]) => full(name) !== name).map(([name, value]) => [full(name), value])
  ])
}

export function fullName(name: string): string {
  const word = words.get(name)
  if (word !== undefined) return word
  // bri_val_tpl: the longest stem that is one
  for (let at = name.lastIndexOf('_'); at > 0; at = name.lastIndexOf('_', at - 1)) {
    const stem = stems.get(name.slice(0, at))
    const ending = endings.get(name.slice(at + 1))
    if (stem !== undefined && ending !== undefined) return `${stem}_${ending}`
  }
  return name
}

export const expandConfig = (config: Members): Record<string, unknown> => rename(config, fullName)

export const expandDevice = (device: unknown): Record<string, unknown> =>
  isObject(device) ? rename(device, (name) => deviceWords.get(name) ?? name) : {}

export const expandOrigin = (origin: unknown): Record<string, unknown> =>
  isObject(origin) ? rename(origin, (name) => originWords.get(name) ?? name) : {}
